package dev.palimpsest.fuzz;

import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.ExportedModel;
import dev.palimpsest.checkpoint.ImagePart;
import dev.palimpsest.checkpoint.SavedModel;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Preparation;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.report.Comparison;
import dev.palimpsest.report.EditedRun;
import dev.palimpsest.report.MadeUpRun;
import dev.palimpsest.report.Origin;
import dev.palimpsest.report.Report;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.report.Summary;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.SmallRun;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** Whole files of runs, and what reads them. */
final class RunFiles {
    private static final String FIRST = "first.safetensors";
    private static final int PIXELS = 64;

    /** With each classifier that keeps tensors, packed snapshots and full copies. */
    private static final List<String> OPTIONS = List.of(
            "method=m2kd classifier=nearest-mean optimiser=adam keep-optimiser=true",
            "method=lwf classifier=gaussian prune=false",
            "method=mlkd classifier=refit learning-rate=0.01 unlabelled-batch=32 memory=30");

    private static final List<Kept> KEPT = new ArrayList<>();

    private RunFiles() {}

    /** What a run keeps after each of its two experiences, and before the second step of the second one. */
    private record Kept(Recipe recipe, List<byte[]> checkpoints, List<byte[]> inside) {}

    private static synchronized List<Kept> kept() {
        if (KEPT.isEmpty()) {
            OPTIONS.forEach(options -> KEPT.add(kept(options)));
        }
        return KEPT;
    }

    private static Recipe recipe(String options) {
        return SmallRun.recipe(("split=4+6 exemplars=2 validation=0.8 batch=256 " + options).split(" "));
    }

    private static Kept kept(String options) {
        Kept kept = new Kept(recipe(options), new ArrayList<>(), new ArrayList<>());
        Runs.run(kept.recipe, new Progress() {
            @Override
            public void checkpoint(Supplier<SafetensorsWriter> state) {
                kept.checkpoints.add(bytes(state.get()));
            }

            @Override
            public void inside(Supplier<SafetensorsWriter> state) {
                if (kept.checkpoints.size() == 1 && kept.inside.isEmpty()) {
                    kept.inside.add(bytes(state.get()));
                }
            }
        });
        return kept;
    }

    private static byte[] bytes(SafetensorsWriter writer) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            writer.writeTo(Channels.newChannel(bytes));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Without checksums: run.json has those of all. */
    static List<byte[]> run(Path folder, String file) throws IOException {
        Recipe recipe = SmallRun.recipe();
        Path run = folder.resolve("run");
        try (RunFolder to = RunFolder.create(run, recipe.toMap(), new Origin("r", "c"))) {
            MadeUpRun.run(recipe, to);
        }
        EditedRun.edit(run, content -> {});
        return List.of(Files.readAllBytes(folder.resolve(file)));
    }

    /** Drawing takes nine tenths of the time, so it is done for one content in eight. */
    static void report(Path folder, Path file) throws IOException {
        Comparison read = Comparison.of(List.of(folder.resolve("run")));
        Summary.text(read);
        EditedRun.readAll(folder.resolve("run"));
        if (Files.isRegularFile(file) && Arrays.hashCode(Files.readAllBytes(file)) % 8 == 0) {
            Report.write(read, folder.resolve("report.html"));
        }
    }

    static List<byte[]> checkpoints(Path folder, String file) {
        return kept().stream().map(run -> run.checkpoints.getFirst()).toList();
    }

    /** Scores the latest model and the first snapshot, as eval and export do. */
    static void score(Path folder, Path file) throws IOException {
        Checkpoint checkpoint = Checkpoint.read(file);
        try (SavedModel model = new SavedModel(
                        checkpoint, Recipe.of(checkpoint.options()).networks());
                Engine engine = Engines.cpu(1)) {
            model.score(ten(), ImagePart.TEST, OptionalInt.empty(), engine);
            model.export(OptionalInt.empty());
            if (model.snapshots() > 0) {
                model.score(ten(), ImagePart.TEST, OptionalInt.of(1), engine);
            }
        }
    }

    /** One image of every class. */
    private static Dataset ten() {
        byte[] pixels = new byte[10 * PIXELS];
        new Random(1).nextBytes(pixels);
        Images images = Images.of(1, 8, 8, pixels, IntStream.range(0, 10).toArray());
        List<String> names = IntStream.range(0, 10).mapToObj(Integer::toString).toList();
        return new Dataset("ten", names, images, images, new TreeMap<>(), "none");
    }

    /** Stands for a run's end as soon as it has begun. */
    private static final class Cut extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    static void resume(Path folder, Path file) throws IOException {
        goOn(Checkpoint.read(file), file, Optional.empty());
    }

    /** Goes on with the kept recipe of the checkpoint's method, and stops at the first step. */
    private static void goOn(Checkpoint checkpoint, Path file, Optional<Path> inside) {
        Recipe recipe = kept().stream()
                .map(Kept::recipe)
                .filter(each -> each.method().equals(checkpoint.options().get("method")))
                .findFirst()
                .orElse(kept().getFirst().recipe);
        try {
            Runs.run(recipe, new Progress() {
                @Override
                public Optional<Path> saved() {
                    return Optional.of(file);
                }

                @Override
                public Optional<Path> savedInside() {
                    return inside;
                }

                @Override
                public void step(Step step) {
                    throw new Cut();
                }
            });
        } catch (Cut _) {
            // as it was meant to be
        }
    }

    static List<byte[]> positions(Path folder, String file) throws IOException {
        Files.write(folder.resolve(FIRST), kept().getFirst().checkpoints.getFirst());
        return kept().getFirst().inside;
    }

    static void goOn(Path folder, Path file) throws IOException {
        Path first = folder.resolve(FIRST);
        goOn(Checkpoint.read(first), first, Optional.of(file));
    }

    static List<byte[]> exported(Path folder, String file) throws IOException {
        List<byte[]> files = new ArrayList<>();
        for (Kept run : kept()) {
            Path last = Files.write(folder.resolve("last.safetensors"), run.checkpoints.getLast());
            try (SavedModel model = new SavedModel(Checkpoint.read(last), run.recipe.networks())) {
                files.add(bytes(model.export(OptionalInt.empty())));
            }
        }
        return files;
    }

    static void predict(Path folder, Path file) throws IOException {
        Safetensors read = Safetensors.read(file);
        Recipe recipe = Recipe.of(ExportedModel.options(read));
        read.checked();
        try (Engine engine = Engines.cpu(1);
                ExportedModel model = new ExportedModel(read, recipe.networks(), engine)) {
            Preparation form = model.preparation();
            byte[] pixels = new byte[2 * Math.multiplyExact(form.channels(), form.height() * form.width())];
            new Random(2).nextBytes(pixels);
            model.probabilities(Images.of(form.channels(), form.height(), form.width(), pixels, new int[2]));
        }
    }
}
