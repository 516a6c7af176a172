package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Commands that write to a disk which is full: a file system in memory, of which all but some kilobytes are taken. It
 * takes half a minute, so that .ci/run names it and no build runs it; see README.md.
 */
class FullDisk {
    private static final int DISK = 16 << 20;
    private static final String FULL = ": No space left on device; make room there or choose another place.";
    private static final String[] SMALL = {
        "--split", "2x5", "--widths", "4,8,8", "--epochs", "1", "--batch", "64", "--threads", "1"
    };

    @TempDir
    private Path temporary;

    /** Mounting takes a name space of its own, and this process keeps the one that it has. */
    @Test
    void whatWasWholeIsKeptAndTheSentenceNamesTheFile() throws Exception {
        List<String> words = new ArrayList<>(List.of("unshare", "--user", "--map-root-user", "--mount", "sh", "-c"));
        words.add("mount -t tmpfs -o size=" + DISK + " none \"$0\" && echo mounted && exec \"$@\"");
        words.add(temporary.toString());
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"));
        words.addAll(
                List.of("-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))));
        words.addAll(List.of(FullDisk.class.getName(), temporary.toString()));
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        int code = process.waitFor();
        if (!output.startsWith("mounted")) {
            System.err.println("NOT TESTED: a full disk, as no file system can be mounted here: " + output);
        }
        assumeTrue(output.startsWith("mounted"), output);
        assertEquals(0, code, output);
        assertTrue(output.endsWith("all kept\n"), output);
    }

    /** @param arguments the folder where the disk is */
    public static void main(String[] arguments) throws Exception {
        Path disk = Path.of(arguments[0]);
        new Commands(disk, disk.resolve("filling")).run();
        System.out.println("all kept");
    }

    private record Commands(Path disk, Path filling) {
        void run() throws Exception {
            training();
            exporting();
            reporting();
            learning();
            suite();
        }

        private void training() throws Exception {
            Path run = disk.resolve("run");
            String[] train = with(SMALL, "train", "m2kd-digits", "--out", run.toString());
            // Before anything is recorded; then, with room for more each time, at one file after another.
            for (int kilobytes : new int[] {0, 60, 76, 90}) {
                refused(kilobytes, run, train);
                if (Files.exists(run.resolve("run.json"))) {
                    assertEquals("failed", status(run), kilobytes + " kB");
                }
            }
            assertEquals("failed", status(run));
            done(train);
            assertEquals("done", status(run));
        }

        private void exporting() throws Exception {
            Path weights = disk.resolve("weights.safetensors");
            String[] export = {"export", disk.resolve("run").toString(), weights.toString()};
            refused(4, weights, export);
            assertTrue(Files.notExists(weights));
            done(export);
            refused(4, weights, export);
        }

        private void reporting() throws Exception {
            Path page = disk.resolve("run/report.html");
            refused(4, page, "report", disk.resolve("run").toString());
        }

        private void learning() throws Exception {
            Path model = disk.resolve("model");
            String pictures = pictures("first", "red", "blue").toString();
            String later = pictures("later", "green").toString();
            refused(0, model, "learn", model.toString(), pictures, "--size", "12");
            refused(60, model, "learn", model.toString(), pictures, "--size", "12");
            done("learn", model.toString(), pictures, "--size", "12");
            refused(0, model, "learn", model.toString(), later);
            refused(8, model, "learn", model.toString(), later);
            done("versions", model.toString());
            done("learn", model.toString(), later);
        }

        private void suite() throws Exception {
            Path file = disk.resolve("small.suite");
            Files.writeString(
                    file, "orders = 1, 2\n[one]\nrecipe = m2kd-digits\nreference = a\na: method=fine-tuning\n");
            Path runs = disk.resolve("runs");
            String[] suite = with(SMALL, "suite", file.toString(), "--out", runs.toString());
            long room = room();
            done(with(
                    SMALL,
                    "train",
                    "m2kd-digits",
                    "--method",
                    "fine-tuning",
                    "--out",
                    disk.resolve("one").toString()));
            int one = Math.toIntExact((room - room()) >> 10);
            // Two runs, and room for one and what the second reserves for its last word.
            refused(one + 30, runs, suite);
            List<String> statuses = new ArrayList<>();
            try (Stream<Path> files = Files.walk(runs)) {
                for (Path record :
                        files.filter(path -> path.endsWith("run.json")).sorted().toList()) {
                    statuses.add(status(record.getParent()));
                }
            }
            assertEquals(List.of("done", "failed"), statuses);
            done(suite);
        }

        private Path pictures(String set, String... classes) throws IOException {
            Random random = new Random(1);
            for (String name : classes) {
                Path folder = Files.createDirectories(disk.resolve(set).resolve(name));
                for (int i = 0; i < 24; i++) {
                    BufferedImage picture = new BufferedImage(14, 14, BufferedImage.TYPE_INT_RGB);
                    for (int p = 0; p < 14 * 14; p++) {
                        picture.setRGB(p % 14, p / 14, (random.nextInt() | 0x808080) & name.hashCode());
                    }
                    ImageIO.write(picture, "png", folder.resolve(i + ".png").toFile());
                }
            }
            return disk.resolve(set);
        }

        /** With so much room left, the command names a file of the place, and changes nothing else. */
        private void refused(int kilobytes, Path place, String... words) throws IOException {
            Map<String, String> before = content();
            fill(kilobytes);
            StringWriter err = new StringWriter();
            int code = palimpsest(err, words);
            Files.delete(filling);
            String name = String.join(" ", words) + " with " + kilobytes + " kB left: " + err;
            System.out.println(name);
            assertEquals(1, code, name);
            assertTrue(
                    err.toString()
                            .lines()
                            .anyMatch(line -> line.contains("Cannot write " + place) && line.contains(FULL)),
                    name);
            Map<String, String> after = content();
            assertTrue(after.keySet().stream().noneMatch(file -> file.endsWith(".tmp")), name + after.keySet());
            before.forEach((file, hash) -> {
                if (!file.startsWith(disk.resolve("run") + "/") || file.endsWith(".html")) {
                    assertEquals(hash, after.get(file), name + file);
                }
            });
        }

        private void done(String... words) {
            StringWriter err = new StringWriter();
            assertEquals(0, palimpsest(err, words), () -> String.join(" ", words) + ": " + err);
        }

        private static int palimpsest(StringWriter err, String... words) {
            return Palimpsest.commandLine(
                            (recipe, progress) ->
                                    recipe.experiment().listen(progress).run(),
                            Palimpsest.display(),
                            List.of())
                    .setOut(new PrintWriter(new StringWriter()))
                    .setErr(new PrintWriter(err))
                    .execute(words);
        }

        private void fill(int kilobytes) throws IOException {
            Files.write(filling, new byte[Math.toIntExact(room() - 1024L * kilobytes)]);
        }

        private long room() throws IOException {
            return Files.getFileStore(disk).getUsableSpace();
        }

        /** Of all files but models' locks, which hold nothing and may stay. */
        private Map<String, String> content() throws IOException {
            Map<String, String> content = new TreeMap<>();
            try (Stream<Path> files = Files.walk(disk)) {
                for (Path file : files.filter(Files::isRegularFile)
                        .filter(file -> !file.endsWith("lock"))
                        .toList()) {
                    content.put(file.toString(), HexFormat.of().formatHex(Files.readAllBytes(file)));
                }
            }
            return content;
        }

        private static String status(Path run) throws IOException {
            return new ObjectMapper()
                    .readTree(run.resolve("run.json").toFile())
                    .path("status")
                    .asText();
        }

        private static String[] with(String[] more, String... words) {
            return Stream.concat(Stream.of(words), Stream.of(more)).toArray(String[]::new);
        }
    }
}
