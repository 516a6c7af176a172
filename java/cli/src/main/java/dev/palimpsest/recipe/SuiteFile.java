package dev.palimpsest.recipe;

import dev.palimpsest.internal.Nearest;
import dev.palimpsest.internal.TextFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.regex.Pattern;

/**
 * Variants of recipes that are compared over class orders, as text. Some come with the library; any file will do:
 *
 * <pre>
 * # What is compared; the first comment line is the summary.
 * orders = 1,2,3                                 class orders; or seeds = 1,2,3: of everything that is drawn
 * threads = 1                                    any option, for all blocks
 * tune.learning-rate = 0.05,0.1                  candidates for suite --tune, for all blocks or in one
 *
 * [without exemplars]                            a block: its variants are compared with one another
 * recipe = m2kd-fashion-exemplar-free
 * reference = LwF                                the variant that the others are paired with
 * epochs = 2                                     any option, for this block
 * LwF: method=lwf                                a variant: its label, and the options that it sets
 * M2KD: method=m2kd prune=false
 * </pre>
 *
 * @param name without folder and ending
 */
public record SuiteFile(String name, String summary, Repeats repeats, List<Block> blocks) {
    /**
     * Variants that are compared with one another.
     *
     * @param recipe as {@link RecipeFile#load} takes it
     * @param reference the label of one of the variants
     * @param variants the options that a variant sets on top of the recipe, by label
     * @param own those of them that the variant's line sets, by label; they must mean something for its method
     * @param tuned candidates of the options that are chosen on validation images if that is asked for, by option
     */
    public record Block(
            String title,
            String recipe,
            String reference,
            SequencedMap<String, SequencedMap<String, String>> variants,
            SequencedMap<String, SequencedMap<String, String>> own,
            SequencedMap<String, List<String>> tuned) {}

    private static final String ENDING = ".suite";
    /** Begins a line of candidates. */
    private static final String TUNE = "tune.";

    private static final List<String> BUILT_IN = List.of(
            "digits",
            "digits-10x1",
            "digits-gaussians",
            "digits-memory",
            "fashion",
            "fashion-drift",
            "fashion-memory",
            "fashion-pruning",
            "glyphs",
            "glyphs-20x5",
            "glyphs-50x2",
            "glyphs-memory",
            "glyphs-pruning",
            "mlkd-digits",
            "mlkd-glyphs");

    /** What a suite is repeated over. */
    private static final List<String> REPEATS = List.of("orders", "seeds");

    /** Names of the suites that come with the library. */
    public static List<String> builtIn() {
        return BUILT_IN;
    }

    /**
     * A suite of the library by name, or a file by its path.
     *
     * @throws IllegalArgumentException with a sentence, if there is no such suite or it has a line that cannot be
     */
    public static SuiteFile load(String nameOrPath) throws IOException {
        if (BUILT_IN.contains(nameOrPath)) {
            try (InputStream in =
                    SuiteFile.class.getResourceAsStream("/dev/palimpsest/suites/" + nameOrPath + ENDING)) {
                return parse(nameOrPath, new String(in.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
        Path file = Path.of(nameOrPath);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("There is no suite " + nameOrPath + ", neither a file nor one of "
                    + String.join(", ", BUILT_IN) + Nearest.suggestion(nameOrPath, BUILT_IN));
        }
        String fileName = file.getFileName().toString();
        String name = fileName.endsWith(ENDING) ? fileName.substring(0, fileName.length() - ENDING.length()) : fileName;
        return parse(name, TextFile.read(file));
    }

    static SuiteFile parse(String name, String text) {
        return new Parser(name).parse(text);
    }

    /** Reads a suite line by line; every refusal names the line. */
    private static final class Parser {
        private static final Pattern SPACE = Pattern.compile("\\s+");
        private static final Pattern COMMA = Pattern.compile("\\s*,\\s*");
        private final String name;
        private final SequencedMap<String, String> common = new LinkedHashMap<>();
        private final List<Block> blocks = new ArrayList<>();
        private SequencedMap<String, SequencedMap<String, String>> variants = new LinkedHashMap<>();
        private SequencedMap<String, String> options = common;
        private final SequencedMap<String, List<String>> tunedInAll = new LinkedHashMap<>();
        private SequencedMap<String, List<String>> tuned = tunedInAll;
        /** Of the block that is read; empty before the first one. */
        private String title = "";

        private int number;

        Parser(String name) {
            this.name = name;
        }

        SuiteFile parse(String text) {
            String summary = "";
            for (String line : text.lines().map(String::strip).toList()) {
                number++;
                if (line.startsWith("#")) {
                    summary = summary.isEmpty() ? line.substring(1).strip() : summary;
                } else if (line.startsWith("[") && line.endsWith("]")) {
                    endBlock();
                    title = line.substring(1, line.length() - 1).strip();
                    refuse(title.isEmpty(), "expected a title in [brackets]");
                    refuse(
                            blocks.stream().anyMatch(block -> block.title().equals(title)),
                            "there are two blocks [" + title + "]");
                    options = new LinkedHashMap<>();
                    tuned = new LinkedHashMap<>(tunedInAll);
                    variants = new LinkedHashMap<>();
                } else if (!line.isEmpty()) {
                    line(line);
                }
            }
            endBlock();
            refuse(blocks.isEmpty(), "it has no block; a line [title] begins one");
            String orders = common.getOrDefault("orders", "");
            String seeds = common.getOrDefault("seeds", "");
            refuse(
                    orders.isEmpty() == seeds.isEmpty(),
                    "expected either orders = 1,2,3, which are class orders, or seeds = 1,2,3, "
                            + "with which all that is drawn changes, found " + (orders.isEmpty() ? "neither" : "both"));
            refuse(
                    !seeds.isEmpty()
                            && blocks.stream()
                                    .anyMatch(block -> block.variants().values().stream()
                                            .anyMatch(set -> set.containsKey("seed"))),
                    "seed is set, and seeds sets it: set one of them");
            return new SuiteFile(
                    name,
                    summary,
                    new Repeats(COMMA.splitAsStream(orders + seeds).toList(), orders.isEmpty()),
                    List.copyOf(blocks));
        }

        private void line(String line) {
            int equals = line.indexOf('=');
            int colon = line.indexOf(':');
            if (colon > 0 && (equals < 0 || colon < equals)) {
                refuse(title.isEmpty(), "a variant stands before the first [block]");
                SequencedMap<String, String> set = new LinkedHashMap<>();
                for (String word :
                        SPACE.splitAsStream(line.substring(colon + 1).strip()).toList()) {
                    int at = word.indexOf('=');
                    refuse(at < 1, "expected LABEL: option=value option=value, found " + line);
                    put(set, word.substring(0, at), word.substring(at + 1), List.of());
                }
                String label = line.substring(0, colon).strip();
                refuse(variants.put(label, set) != null, "there are two variants " + label);
            } else {
                refuse(equals < 1, "expected option = value or LABEL: option=value, found " + line);
                if (line.startsWith(TUNE)) {
                    tune(line.substring(TUNE.length(), equals).strip(), line.substring(equals + 1));
                    return;
                }
                put(
                        options,
                        line.substring(0, equals).strip(),
                        line.substring(equals + 1).strip(),
                        title.isEmpty() ? REPEATS : List.of("recipe", "reference"));
            }
        }

        private void tune(String key, String texts) {
            List<String> candidates = COMMA.splitAsStream(texts.strip()).toList();
            refuse(
                    !RecipeOptions.names().contains(key),
                    key + " is not an option" + Nearest.suggestion(key, RecipeOptions.names()));
            refuse(
                    candidates.size() < 2
                            || candidates.size()
                                    > candidates.stream().distinct().count(),
                    TUNE + key + ": expected two or more different values with commas, found" + texts);
            tuned.put(key, candidates);
        }

        private void put(SequencedMap<String, String> into, String key, String value, List<String> ours) {
            List<String> known = new ArrayList<>(ours);
            known.addAll(RecipeOptions.names());
            refuse(!known.contains(key), key + " is not an option" + Nearest.suggestion(key, known));
            refuse(key.equals("order"), "class orders are the suite's: set orders");
            refuse(into.put(key, value) != null, key + " is set twice");
        }

        private void endBlock() {
            if (title.isEmpty()) {
                return;
            }
            String recipe = options.remove("recipe");
            String reference = options.remove("reference");
            if (recipe == null) {
                throw refusal("[" + title + "] lacks recipe = NAME");
            }
            if (reference == null || !variants.containsKey(reference)) {
                throw refusal(
                        "[" + title + "] needs reference = LABEL, one of " + String.join(", ", variants.keySet()));
            }
            SequencedMap<String, SequencedMap<String, String>> complete = new LinkedHashMap<>();
            variants.forEach((label, set) -> {
                SequencedMap<String, String> all = new LinkedHashMap<>(common);
                REPEATS.forEach(all::remove);
                all.putAll(options);
                all.putAll(set);
                complete.put(label, all);
            });
            blocks.add(new Block(title, recipe, reference, complete, variants, tuned));
        }

        private void refuse(boolean wrong, String sentence) {
            if (wrong) {
                throw refusal(sentence);
            }
        }

        private IllegalArgumentException refusal(String sentence) {
            return new IllegalArgumentException("suite " + name + ", line " + number + ": " + sentence);
        }
    }
}
