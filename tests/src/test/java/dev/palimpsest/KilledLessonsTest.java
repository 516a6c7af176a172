package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
            Process teacher = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            Teacher.class.getName(),
                            folder.toString())
                    .redirectErrorStream(true)
                    .start();
            try (var said = teacher.inputReader()) {
                String line = said.readLine();
                assertTrue(line != null && line.matches("\\d+"), "the teacher began: " + line);
                Thread.sleep(random.nextInt(60));
                assertTrue(teacher.isAlive());
                teacher.destroyForcibly().waitFor();
            }
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

    /** Teaches class after class, and says of each that it begins. */
    static final class Teacher {
        private Teacher() {}

        public static void main(String[] arguments) throws IOException {
            try (ContinualClassifier model = ContinualClassifier.open(Path.of(arguments[0]))) {
                while (true) {
                    int next = model.versions().size();
                    model.learn(lesson(next));
                    System.out.println(next);
                }
            }
        }
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
