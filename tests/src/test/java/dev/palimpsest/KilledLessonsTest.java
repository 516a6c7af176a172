package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed while it teaches leaves the last whole version. */
class KilledLessonsTest {
    @TempDir
    private Path temporary;

    @Test
    void aKillAtAnyMomentLeavesTheLastWholeVersion() throws IOException, InterruptedException {
        Path folder = temporary.resolve("model");
        ContinualClassifier.create(folder, Setup.features(16)).close();
        Random random = new Random(7);
        int last = 0;
        for (int kill = 0; kill < 6; kill++) {
            killed(folder, random.nextInt(60));
            try (ContinualClassifier model = ContinualClassifier.open(folder)) {
                int versions = model.versions().size();
                assertTrue(versions > last, versions + " versions after " + last);
                last = versions;
                assertEquals(versions, model.current().number());
                assertEquals(versions, model.current().classNames().size());
                assertEquals(
                        "class 0",
                        model.classifyFeatures(vector(0, new Random(1))).className());
                assertEquals(
                        1,
                        model.version(1)
                                .classifyFeatures(vector(0, new Random(2)))
                                .probability());
            }
        }
        // The next lesson clears up after those that were killed.
        try (ContinualClassifier model = ContinualClassifier.open(folder)) {
            model.learn(lesson(last));
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<String> names =
                    files.map(file -> file.getFileName().toString()).toList();
            assertEquals(
                    last + 1,
                    names.stream().filter(name -> name.endsWith(".safetensors")).count(),
                    names.toString());
            assertTrue(names.stream().noneMatch(name -> name.endsWith(".tmp")), names.toString());
        }
    }

    /** Every lesson writes what it keeps, and most files of earlier classes anew, as the budget is used up. */
    @Test
    void aKillLeavesTheImagesThatTheLastWholeVersionKeeps() throws IOException, InterruptedException {
        Path folder = temporary.resolve("model");
        Setup setup = Setup.images(1, 8, 8).withSnapshots(1).withEpochs(1).withExemplars(0.04);
        try (ContinualClassifier model = ContinualClassifier.create(folder, setup)) {
            model.learn(Samples.of(noise(0, 40), List.of("class 0", "class a")));
        }
        Random random = new Random(8);
        int last = 1;
        for (int kill = 0; kill < 3; kill++) {
            killed(folder, random.nextInt(30));
            try (ContinualClassifier model = ContinualClassifier.open(folder)) {
                Version version = model.current();
                assertTrue(version.number() > last, version.number() + " versions after " + last);
                last = version.number();
                long images = 0;
                for (String name : version.classNames()) {
                    assertTrue(version.exemplars(name) > 0, "none of " + name);
                    images += version.exemplars(name);
                }
                long bytes = model.bytes();
                assertTrue(64 * images < 40_000 && 64 * images < bytes, images + " images in " + bytes + " bytes");
                assertEquals(1, version.classify(noise(0, 1)).size());
            }
        }
    }

    private static void killed(Path folder, int milliseconds) throws IOException, InterruptedException {
        Process teacher = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Teacher.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        try (var said = teacher.inputReader()) {
            String line = said.readLine();
            assertTrue(line != null && line.matches("\\d+"), "the teacher began: " + line);
            Thread.sleep(milliseconds);
            assertTrue(teacher.isAlive());
            teacher.destroyForcibly().waitFor();
        }
    }

    /** Teaches class after class, and says of each that it begins. */
    static final class Teacher {
        private Teacher() {}

        public static void main(String[] arguments) throws IOException {
            try (ContinualClassifier model = ContinualClassifier.open(Path.of(arguments[0]))) {
                while (true) {
                    int next = model.versions().size();
                    model.learn(
                            model.setup().network() == Setup.Network.NONE
                                    ? lesson(next)
                                    : Samples.of(noise(next, 20), List.of("class " + next, "more")));
                    System.out.println(next);
                }
            }
        }
    }

    /** Every other one is of the second class. */
    private static Images noise(int seed, int images) {
        byte[] pixels = new byte[images * 64];
        new Random(seed).nextBytes(pixels);
        int[] labels = new int[images];
        Arrays.setAll(labels, i -> i % 2);
        return Images.of(1, 8, 8, pixels, labels);
    }

    private static Samples lesson(int number) {
        Random random = new Random(number);
        float[][] vectors = new float[8][];
        Arrays.setAll(vectors, i -> vector(number, random));
        return Samples.ofFeatures(
                vectors, Stream.generate(() -> "class " + number).limit(8).toList());
    }

    /** Of a class's own direction. */
    private static float[] vector(int number, Random noise) {
        Random direction = new Random(1000 + number);
        float[] vector = new float[16];
        for (int d = 0; d < vector.length; d++) {
            vector[d] = (float) (5 * direction.nextGaussian() + 0.3 * noise.nextGaussian());
        }
        return vector;
    }
}
