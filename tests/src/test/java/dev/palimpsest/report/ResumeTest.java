package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.SmallRun;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A run that is cut short and repeated ends as if nothing had happened. */
class ResumeTest {
    /** Stands for a kill. */
    private static final class Cut extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    @TempDir
    private Path temporary;

    /** Each kind of state once; {@code -Dresume.all=true} adds settings whose state is of the same kinds. */
    private static Stream<String> settings() {
        return (Boolean.getBoolean("resume.all") ? RunKinds.ALL : RunKinds.EACH_STATE).values().stream();
    }

    @ParameterizedTest
    @Execution(ExecutionMode.CONCURRENT)
    @MethodSource("settings")
    void endsAsIfItHadNeverStopped(String options) throws IOException {
        Recipe recipe = RunKinds.recipe(options);
        Result expected = run(recipe, "whole", 99);
        for (int stop = 1; stop <= 2; stop++) {
            String folder = "cut-" + stop;
            int after = stop;
            assertThrows(Cut.class, () -> run(recipe, folder, after));
            requireSame(expected, run(recipe, folder, 99), folder);
            assertEquals(stop, before(folder, "experiences"));
        }
        List<Integer> steps = stepsOfExperiences();
        assertThrows(Cut.class, () -> cut(recipe, "inside", 0, 3));
        // In the midst of the last phase, which retrains where weights are pruned.
        assertThrows(Cut.class, () -> cut(recipe, "inside", 1, steps.get(1) - 1));
        assertEquals(0, before("inside", "experiences"));
        assertTrue(before("inside", "steps") > 0, "goes on inside an experience");
        requireSame(expected, run(recipe, "inside", 99), "inside");
        assertEquals(1, before("inside", "experiences"));
        assertTrue(before("inside", "steps") >= steps.get(1) - 3, "goes on where it was");
    }

    private void requireSame(Result expected, Result found, String folder) throws IOException {
        assertEquals(expected.weightsSha256(), found.weightsSha256(), "weights of " + folder);
        assertArrayEquals(expected.accuracy().toArray(), found.accuracy().toArray());
        assertArrayEquals(
                expected.withinExperience().toArray(), found.withinExperience().toArray());
        assertEquals(expected.memory(), found.memory());
        assertEquals(steps("whole"), steps(folder));
        assertEquals(tensors("whole"), tensors(folder));
    }

    /** What was done before the last process began. */
    private int before(String folder, String what) throws IOException {
        return SavedRun.read(temporary.resolve(folder))
                .run()
                .get(what + "_before")
                .asInt();
    }

    private List<Integer> stepsOfExperiences() throws IOException {
        List<Integer> counts = new ArrayList<>();
        for (String row : steps("whole").subList(1, steps("whole").size())) {
            int experience = Integer.parseInt(row.substring(0, row.indexOf(',')));
            if (experience == counts.size()) {
                counts.add(0);
            }
            counts.set(experience, counts.get(experience) + 1);
        }
        return counts;
    }

    /** Stops before a step of an experience; every second step is kept. */
    private void cut(Recipe recipe, String name, int experience, int before) throws IOException {
        try (RunFolder folder = create(recipe, name, CheckpointEvery.parse("2"))) {
            Runs.run(recipe, Progress.all(folder, new Progress() {
                @Override
                public void step(Step step) {
                    if (step.experience() == experience && step.step() == before) {
                        throw new Cut();
                    }
                }
            }));
        }
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aDamagedCheckpointFallsBackToTheOneBefore() throws IOException {
        Recipe recipe = SmallRun.recipe("split=4+3+3", "validation=0.8", "method=fine-tuning");
        Result expected = run(recipe, "whole", 99);
        assertThrows(Cut.class, () -> run(recipe, "cut", 2));
        Path newest = temporary.resolve("cut/checkpoint/model.safetensors");
        byte[] bytes = Files.readAllBytes(newest);
        Files.write(newest, Arrays.copyOf(bytes, bytes.length / 2));
        assertEquals(expected.weightsSha256(), run(recipe, "cut", 99).weightsSha256());
        SavedRun saved = SavedRun.read(temporary.resolve("cut"));
        assertEquals(1, saved.run().get("experiences_before").asInt());
        assertTrue(saved.text("remark").contains("damaged"), saved.text("remark"));
        assertEquals(steps("whole"), steps("cut"));
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aRunDoesNotGoOnWithDamagedRows() throws IOException {
        Recipe recipe = SmallRun.recipe("split=4+3+3", "validation=0.8", "method=fine-tuning");
        assertThrows(Cut.class, () -> run(recipe, "cut", 2));
        Path file = temporary.resolve("cut/steps.csv");
        String rows = Files.readString(file);
        Files.writeString(file, rows.replaceFirst("\n0,train,0,0,", "\n0,train,0,0,1"));
        String sentence = assertThrows(UncheckedIOException.class, () -> run(recipe, "cut", 99))
                .getMessage();
        assertEquals(
                file + " is damaged: its rows are not those that were there at the last checkpoint; restore it from a"
                        + " copy, or remove " + temporary.resolve("cut") + " to have the run made anew.",
                sentence);
        Files.writeString(file, rows);
        assertEquals(3, run(recipe, "cut", 99).accuracy().experiences());
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void timeBeforeAKillCountsForTheBudget() throws IOException {
        Recipe recipe = SmallRun.recipe("split=4+3+3", "validation=0.8", "method=fine-tuning", "max-minutes=60");
        assertThrows(Cut.class, () -> run(recipe, "cut", 1));
        Path newest = temporary.resolve("cut/checkpoint/model.safetensors");
        Safetensors file = Safetensors.read(newest);
        assertTrue(Double.parseDouble(file.metadata().get("budget.seconds")) > 0);
        SafetensorsWriter later = copy(file);
        later.metadata("budget.seconds", "3599.999");
        AtomicFile.write(newest, later::writeTo);
        Result found = run(recipe, "cut", 99);
        assertEquals(2, found.accuracy().experiences(), "one more, which ends after its first step");
        assertTrue(
                found.stopped().orElseThrow().contains("max-minutes"),
                found.stopped().toString());
        assertEquals(
                1, steps("cut").stream().filter(row -> row.startsWith("1,")).count());
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void whatTheBudgetEndedIsOverAfterAKillToo() throws IOException {
        Recipe recipe = SmallRun.recipe("split=4+3+3", "validation=0.8", "method=lwf", "max-memory=1");
        Result expected = run(recipe, "whole", 99);
        assertThrows(Cut.class, () -> {
            try (RunFolder folder = create(recipe, "cut")) {
                Runs.run(recipe, Progress.all(folder, new Progress() {
                    @Override
                    public void checkpoint(Supplier<SafetensorsWriter> state) {
                        throw new Cut();
                    }
                }));
            }
        });
        Result found = run(recipe, "cut", 99);
        assertEquals(expected.weightsSha256(), found.weightsSha256());
        assertArrayEquals(expected.accuracy().toArray(), found.accuracy().toArray());
        assertTrue(found.stopped().orElseThrow().contains("max-memory"));
    }

    private static SafetensorsWriter copy(Safetensors file) {
        SafetensorsWriter to = new SafetensorsWriter();
        file.metadata().forEach(to::metadata);
        for (String name : file.names()) {
            Safetensors.Tensor tensor = file.tensor(name);
            to.add(name, tensor.type(), tensor.shape(), tensor.data());
        }
        return to;
    }

    /** Without the time that a budget counts, and the checksum of steps.csv, where speeds are. */
    private List<String> tensors(String folder) throws IOException {
        Safetensors file = Safetensors.read(temporary.resolve(folder).resolve("checkpoint/model.safetensors"));
        List<String> all = new ArrayList<>();
        file.metadata().forEach((key, value) -> {
            if (!key.equals("budget.seconds") && !key.equals("steps.csv")) {
                all.add(key + value);
            }
        });
        for (String name : file.names()) {
            Safetensors.Tensor tensor = file.tensor(name);
            all.add(name
                    + tensor.type()
                    + tensor.shape()
                    + Arrays.hashCode(tensor.data().toArray(ValueLayout.JAVA_BYTE)));
        }
        return all;
    }

    /** Without the speed, which no two runs share. */
    private List<String> steps(String folder) throws IOException {
        return Files.readAllLines(temporary.resolve(folder).resolve("steps.csv")).stream()
                .map(row -> row.substring(0, row.lastIndexOf(',')))
                .toList();
    }

    /** @param cut after the checkpoint of so many experiences, in the midst of the next one */
    private Result run(Recipe recipe, String name, int cut) throws IOException {
        try (RunFolder folder = create(recipe, name)) {
            return Runs.run(recipe, Progress.all(folder, new Progress() {
                private int made;

                @Override
                public void step(Step step) {
                    if (step.experience() == cut && made++ == 1) {
                        throw new Cut();
                    }
                }

                @Override
                public void checkpoint(Supplier<SafetensorsWriter> state) {
                    made = 0;
                }
            }));
        }
    }

    private RunFolder create(Recipe recipe, String name) throws IOException {
        return create(recipe, name, CheckpointEvery.parse("0"));
    }

    private RunFolder create(Recipe recipe, String name, CheckpointEvery every) throws IOException {
        return RunFolder.create(
                temporary.resolve(name), recipe.toMap(), new Origin("small", "palimpsest train small"), every);
    }
}
