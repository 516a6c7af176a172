package dev.palimpsest.report;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.stream.Stream;

/**
 * Runs side by side: mean ± standard deviation of every row, and differences from a reference on the same class orders
 * or seeds.
 */
public final class Comparison {
    /**
     * Rows that are compared with one another.
     *
     * @param title empty for runs of no suite
     * @param reference that the other rows are paired with
     */
    record Block(String title, Group reference, List<Group> groups) {
        Table means() {
            return table(groups, "method", Figure.ALL);
        }

        /** A row's difference from the reference, if they may be compared and share two class orders. */
        Optional<Paired> difference(Group group, Figure figure) {
            return group.equals(reference)
                            || Conventions.obstacle(group, reference).isPresent()
                    ? Optional.empty()
                    : Optional.of(Paired.of(group, reference, figure.value())).filter(paired -> paired.count() > 1);
        }

        /** Those of all rows, by what rows are judged by. */
        Optional<Table> differences() {
            List<List<String>> rows = new ArrayList<>();
            for (Group group : groups) {
                for (Figure figure : Figure.judged()) {
                    difference(group, figure).ifPresent(paired -> {
                        List<String> row = new ArrayList<>(List.of(group.label(), figure.title()));
                        row.add(paired.verdict(figure.direction()).toString());
                        row.addAll(paired.text(figure.scale(), figure.decimals()));
                        row.add(Integer.toString(paired.count()));
                        row.add(needed(paired));
                        rows.add(row);
                    });
                }
            }
            return rows.isEmpty()
                    ? Optional.empty()
                    : Optional.of(new Table(
                            List.of(
                                    "minus " + reference.label(),
                                    "figure",
                                    "verdict",
                                    "difference",
                                    "95 % interval",
                                    repeats(groups),
                                    "needed"),
                            rows));
        }

        private static String needed(Paired paired) {
            if (paired.needed().isPresent()) {
                return Integer.toString(paired.needed().getAsInt());
            }
            return paired.mean() == 0 ? "–" : "> " + Paired.MOST_NEEDED;
        }

        String caption() {
            String repeats = repeats(groups);
            return "Differences from " + reference.label() + " on the same " + repeats
                    + ": mean, its 95 % confidence interval (Student's t), and what that allows to say of each row"
                    + " by itself: of twenty rows without any difference one is expected to be called better or"
                    + " worse. The last column is how many " + repeats
                    + " it takes to tell a difference of this size in four of five comparisons.";
        }

        private static Table table(List<Group> groups, String corner, List<Figure> figures) {
            List<String> heading = new ArrayList<>(List.of(corner));
            figures.forEach(figure -> heading.add(figure.title()));
            List<List<String>> rows = new ArrayList<>();
            for (Group group : groups) {
                List<String> row = new ArrayList<>(List.of(group.label()));
                figures.forEach(figure -> row.add(figure.text(group)));
                rows.add(row);
            }
            return new Table(heading, rows);
        }
    }

    private final List<SavedRun> runs;
    private final List<String> remarks;
    private final List<Block> blocks;
    private final List<String> notes = new ArrayList<>();

    private Comparison(SavedRun.Found found, List<Block> blocks) {
        this.runs = found.runs();
        this.blocks = blocks;
        remarks = new ArrayList<>(found.damaged());
        runs.forEach(run -> run.remark().ifPresent(remarks::add));
        runs.forEach(run -> run.unchecked().ifPresent(remarks::add));
    }

    /**
     * The runs in these folders and below.
     *
     * @throws IOException with a sentence, if a folder holds none
     */
    public static Comparison of(List<Path> folders) throws IOException {
        return of(folders, Optional.empty());
    }

    /**
     * The runs in these folders and below.
     *
     * @param reference label of the row to pair with; empty: the suite's own, else the first
     * @throws IOException with a sentence, if a folder holds none
     * @throws IllegalArgumentException with a sentence, if there is no row of that label
     */
    public static Comparison of(List<Path> folders, Optional<String> reference) throws IOException {
        SavedRun.Found found = SavedRun.find(folders);
        SequencedMap<String, List<Group>> byTitle = new LinkedHashMap<>();
        List<Group> groups = Group.of(found.runs());
        groups.forEach(group -> byTitle.computeIfAbsent(group.block(), title -> new ArrayList<>())
                .add(group));
        List<Block> blocks = new ArrayList<>();
        byTitle.forEach((title, members) -> {
            String label = reference.orElse(members.getFirst().reference());
            Optional<Group> named = members.stream()
                    .filter(group -> group.label().equals(label))
                    .findFirst();
            blocks.add(new Block(title, named.orElse(members.getFirst()), members));
        });
        if (reference.isPresent()
                && groups.stream().noneMatch(group -> group.label().equals(reference.get()))) {
            throw new IllegalArgumentException("--reference " + reference.get() + ": expected one of "
                    + String.join(
                            ", ", groups.stream().map(Group::label).distinct().toList()));
        }
        return new Comparison(found, blocks);
    }

    /**
     * Mean final accuracy of runs.
     *
     * @param folders of runs, a run each
     * @return in [0, 1]; empty if one of them has no result
     * @throws IOException with a sentence, if one is damaged
     */
    public static OptionalDouble finalAccuracy(List<Path> folders) throws IOException {
        double sum = 0;
        for (Path folder : folders) {
            if (!RunFiles.isRun(folder)) {
                return OptionalDouble.empty();
            }
            SavedRun run = SavedRun.read(folder);
            Double accuracy = run.isComparable() ? run.metrics().orElseThrow().finalAccuracy() : null;
            if (accuracy == null) {
                return OptionalDouble.empty();
            }
            sum += accuracy;
        }
        return folders.isEmpty() ? OptionalDouble.empty() : OptionalDouble.of(sum / folders.size());
    }

    /**
     * Adds what a reader has to know of how the rows came about.
     *
     * @param sentences shown with the tables
     * @return this
     */
    public Comparison with(List<String> sentences) {
        notes.addAll(sentences);
        return this;
    }

    /** See {@link #with}. */
    List<String> notes() {
        return List.copyOf(notes);
    }

    /** What the runs of a row differ in. */
    private static String repeats(List<Group> groups) {
        boolean seeds = groups.stream()
                .anyMatch(group -> group.runs().stream()
                                .map(run -> run.option("seed"))
                                .distinct()
                                .count()
                        > 1);
        return seeds ? "seeds" : "class orders";
    }

    /** What the runs of a row differ in, over all blocks. */
    String repeats() {
        return repeats(blocks.stream().flatMap(block -> block.groups().stream()).toList());
    }

    List<SavedRun> runs() {
        return runs;
    }

    List<Block> blocks() {
        return blocks;
    }

    /** Runs that are left out or ended early, a sentence each. */
    List<String> remarks() {
        return List.copyOf(remarks);
    }

    /** Where rows differ in more than their method, a sentence each. */
    List<String> differences() {
        List<String> sentences = new ArrayList<>();
        for (Block block : blocks) {
            Conventions.differences(block.groups())
                    .forEach(sentence ->
                            sentences.add(block.title().isEmpty() ? sentence : block.title() + ": " + sentence));
        }
        return sentences;
    }

    /** Accuracy against bytes, for every data set. */
    List<Frontier> frontiers() {
        return Frontier.of(blocks);
    }

    /** What a reader of the tables has to know, a sentence each. */
    List<String> warnings() {
        return Stream.concat(remarks.stream(), differences().stream()).toList();
    }
}
