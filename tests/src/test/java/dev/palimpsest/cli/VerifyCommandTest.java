package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.report.EditedRun;
import dev.palimpsest.report.Origin;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.SmallRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Repeats one small run, and holds changed copies of it against it. */
class VerifyCommandTest {
    private static final Recipe RECIPE =
            SmallRun.recipe("split=5+5", "validation=0.8", "method=fine-tuning", "threads=2");

    @TempDir
    private static Path shared;

    private static Path run;

    @TempDir
    private Path temporary;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private int made;

    @BeforeAll
    static void train() throws IOException {
        run = shared.resolve("run");
        try (RunFolder folder = RunFolder.create(run, RECIPE.toMap(), new Origin("small", "palimpsest train small"))) {
            Runs.run(RECIPE, folder);
        }
    }

    @Test
    void aRunIsRepeatedFromItsRecordAlone() {
        assertEquals(0, verify(run.toString()), out + "\n" + err);
        assertEquals(steps(), made);
        List<String> lines = out.toString().lines().toList();
        assertEquals("Repeats " + made + " steps of " + run + ".", lines.getFirst());
        assertTrue(lines.contains("Conditions that decide bits: all the same."), out.toString());
        assertTrue(lines.contains("Steps: the first " + made + " are the same in every column but images_per_second."));
        assertTrue(out.toString().matches("(?s).*Models: all \\d\\d+ tensors of the checkpoint after experience 2.*"));
        assertTrue(lines.contains("Figures: all but times are the same."), out.toString());
        assertEquals("The same, bit for bit.", lines.getLast());
    }

    @Test
    void aFewStepsTakeAsManySteps() throws IOException {
        assertEquals(0, verify(run.toString(), "--steps", "3"), out + "\n" + err);
        assertEquals(4, made, "the one that is not recorded among them");
        assertTrue(out.toString().contains("Steps: the first 3 are the same"), out.toString());
        assertEquals(1, verify(run.toString(), "--steps", "100000"));
        assertEquals(
                "--steps 100000: expected at most " + steps() + ", as many as " + run + " has.",
                err.toString().strip());
        assertEquals(2, verify(run.toString(), "--steps", "0"));
        try (Stream<Path> left = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            assertEquals(
                    0,
                    left.filter(path -> path.getFileName().toString().startsWith("palimpsest-verify-"))
                            .count());
        }
    }

    @Test
    void theFirstStepAndColumnThatDiffersIsNamed() throws IOException {
        Path other = copy();
        List<String> rows = new ArrayList<>(Files.readAllLines(other.resolve("steps.csv")));
        String[] cells = rows.get(3).split(",");
        String was = cells[4];
        cells[4] = Double.toString(Math.nextUp(Double.parseDouble(was)));
        rows.set(3, String.join(",", cells));
        EditedRun.replace(other.resolve("steps.csv"), String.join("\n", rows) + "\n");
        for (String most : List.of("--steps=3", "")) {
            String[] words = most.isEmpty()
                    ? new String[] {other.toString(), run.toString()}
                    : new String[] {other.toString(), run.toString(), most};
            assertEquals(1, verify(words));
            assertTrue(
                    out.toString()
                            .contains(
                                    "Steps: the first that differs is step 3 (line 4 of steps.csv, in experience 1), in"
                                            + " column loss: " + cells[4] + " in " + other + ", " + was + " in " + run
                                            + "."),
                    out.toString());
        }
        assertEquals(0, verify(run.toString(), other.toString(), "--steps", "2"));
        assertEquals(1, verify(other.toString()), "repeated, too");
        assertTrue(out.toString().endsWith("report it if there are none." + System.lineSeparator()), out.toString());
        Files.writeString(other.resolve("steps.csv"), Files.readString(other.resolve("steps.csv")) + " ");
        assertEquals(1, verify(run.toString(), other.toString()));
        assertTrue(err.toString().startsWith(other.resolve("steps.csv") + " is damaged: it has the checksum "));
        assertEquals(1, err.toString().lines().count());
    }

    @Test
    void theFirstTensorAndElementThatDiffersIsNamed() throws IOException {
        Path other = copy();
        Path file = other.resolve("checkpoint/model.safetensors");
        Safetensors model = Safetensors.read(file);
        String name = model.names().stream()
                .filter(tensor -> tensor.startsWith("network.") && tensor.endsWith("weight"))
                .filter(tensor -> model.shape(tensor).rank() == 4)
                .findFirst()
                .orElseThrow();
        float[] values = model.floats(name);
        float was = values[10];
        values[10] = Math.nextUp(was);
        SafetensorsWriter writer = new SafetensorsWriter();
        model.metadata().forEach(writer::metadata);
        for (String tensor : model.names()) {
            Safetensors.Tensor kept = model.tensor(tensor);
            if (tensor.equals(name)) {
                writer.add(tensor, kept.shape(), values);
            } else {
                writer.add(tensor, kept.type(), kept.shape(), kept.data());
            }
        }
        try (var channel = Files.newByteChannel(file, StandardOpenOption.WRITE)) {
            writer.writeTo(channel);
        }
        assertEquals(1, verify(run.toString(), other.toString()), err.toString());
        int second = 10 % 9 / 3; // of 3×3 filters
        assertTrue(
                out.toString()
                        .matches("(?s).*Models: the first difference is in tensor " + name + ", element \\[\\d, \\d, "
                                + second + ", 1\\]: " + was + " in .*/run, " + values[10] + " in .*/other\\..*"),
                out.toString());
        Files.delete(file);
        Files.delete(file.resolveSibling("previous.safetensors"));
        assertEquals(1, verify(run.toString(), other.toString()));
        assertTrue(out.toString().contains("Only " + run + " has models."), out.toString());
    }

    @Test
    void whatDiffersIsSaidBeforeItIsCompared() throws IOException {
        Path other = copy();
        EditedRun.edit(other, record -> {
            record.put("engine", "oneDNN 9.9.9 with avx2, 7 threads").put("threads", 7);
            record.putArray("jvm_flags").add("-XX:UseAVX=1").add("-Xmx7g").add("-XX:+UseSerialGC");
            record.putObject("environment").put("JAVA_OPTS", "-Xmx7g").put("ONEDNN_MAX_CPU_ISA", "AVX2");
            ((ObjectNode) record.get("options")).put("threads", "7");
        });
        assertEquals(0, verify(other.toString(), run.toString()), err.toString());
        List<String> lines = out.toString().lines().toList();
        assertTrue(lines.get(0).startsWith("Conditions that decide bits and are not the same"), out.toString());
        assertTrue(lines.get(1).startsWith("  engine: oneDNN 9.9.9 with avx2 in the one, oneDNN "), lines.get(1));
        assertTrue(lines.get(2).startsWith("  flags of the JVM: -XX:UseAVX=1 in the one, "), lines.get(2));
        assertEquals("  environment variable ONEDNN_MAX_CPU_ISA: AVX2 in the one, none in the other", lines.get(3));
        assertEquals("Conditions that decide no bits and are not the same:", lines.get(4));
        assertEquals("  threads: 7 in the one, 2 in the other", lines.get(5));
        assertTrue(lines.get(6).startsWith("  memory of the JVM: -Xmx7g -XX:+UseSerialGC in the one, "), lines.get(6));
        EditedRun.edit(other, record -> ((ObjectNode) record.get("data_sha256")).put("digits.csv.gz", "00"));
        made = 0;
        assertEquals(1, verify(other.toString()));
        assertEquals(0, made, "nothing is learnt of other data");
        assertTrue(err.toString().startsWith("The data are not those that " + other + " recorded, "), err.toString());
        assertTrue(out.toString().contains("  data file digits.csv.gz: 00 in the one, "), out.toString());
    }

    @Test
    void aRunThatWasCutShortIsComparedAsFarAsItGoes() throws IOException {
        Path cut = temporary.resolve("cut");
        try (RunFolder folder = RunFolder.create(cut, RECIPE.toMap(), new Origin("small", "palimpsest train small"))) {
            Runs.run(RECIPE, Progress.all(folder, new Progress() {
                @Override
                public void step(Step step) {
                    if (step.experience() == 1) {
                        throw new IllegalStateException("cut");
                    }
                }
            }));
        } catch (IllegalStateException e) {
            assertEquals("cut", e.getMessage());
        }
        assertEquals(0, verify(cut.toString()), out + "\n" + err);
        assertTrue(out.toString().contains("after experience 1 are the same"), out.toString());
        assertEquals(1, verify(cut.toString(), run.toString()));
        assertTrue(out.toString().contains(cut + " ends after step "), out.toString());
    }

    @Test
    void whatIsNoRunIsASentence() {
        assertEquals(1, verify(temporary.toString()));
        assertEquals(
                temporary + " is not a run folder: it holds no run.json; give a folder that palimpsest train made.",
                err.toString().strip());
        assertEquals(1, verify(run.toString(), temporary.toString()));
        assertEquals(
                temporary + " is not a run folder: it holds no run.json; give a folder that palimpsest train made.",
                err.toString().strip());
    }

    private long steps() {
        try (Stream<String> rows = Files.lines(run.resolve("steps.csv"))) {
            return rows.count() - 1;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aThirdRunIsNotPassedOver() {
        assertEquals(2, verify(run.toString(), run.toString(), run.toString()));
        assertTrue(err.toString().startsWith("expected one run or two, found 3"), err.toString());
    }

    @Test
    void recordedOptionsThatCannotBeAreNotTakenForThoseOfTheCommandLine() throws IOException {
        Path other = copy();
        EditedRun.edit(other, record -> ((ObjectNode) record.get("options")).put("network", "digits-nit"));
        assertEquals(1, verify(other.toString()));
        assertTrue(
                err.toString()
                        .startsWith(other + " records options that this version of Palimpsest does not take:"
                                + " network = digits-nit: expected one of digits-net, "),
                err.toString());
    }

    private Path copy() throws IOException {
        Path other = temporary.resolve("other");
        try (Stream<Path> all = Files.walk(run)) {
            for (Path path : all.toList()) {
                Files.copy(path, other.resolve(run.relativize(path).toString()));
            }
        }
        return other;
    }

    private int verify(String... words) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        Runner runner = (recipe, progress) -> Runs.run(
                recipe,
                Progress.all(
                        new Progress() {
                            @Override
                            public void step(Step step) {
                                made++;
                            }
                        },
                        progress));
        List<String> all = new ArrayList<>(List.of("verify"));
        all.addAll(List.of(words));
        return Palimpsest.commandLine(runner, (name, alone) -> new Silent(), List.of())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all.toArray(String[]::new));
    }

    private static final class Silent implements Display.Watch {
        @Override
        public void close() {}
    }
}
