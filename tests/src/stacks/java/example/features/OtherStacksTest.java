package example.features;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * A model learns from features that other Java libraries compute; mvn -Pstacks verify, see java/features.md. DJL first:
 * it wants to set the threads of ONNX Runtime, which a process does once.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OtherStacksTest {
    private static final int SIDE = 12;
    private static final int SAMPLES = 40;

    @TempDir
    private Path folder;

    private Path backbone;

    private interface Backbone {
        float[][] of(float[] images, long... shape) throws Exception;
    }

    @BeforeEach
    void write() throws Exception {
        backbone = Files.write(folder.resolve("backbone.onnx"), TinyBackbone.onnx());
    }

    @Test
    @Order(2)
    void learnsFromOnnxRuntime() throws Exception {
        try (var features = new OnnxFeatures(backbone)) {
            keepsLearning(features::of);
        }
    }

    @Test
    @Order(1)
    void learnsFromDjl() throws Exception {
        try (var features = new DjlFeatures(backbone)) {
            keepsLearning(features::of);
        }
    }

    private void keepsLearning(Backbone backbone) throws Exception {
        float[] images = stripes(0, 1);
        float[] features = backbone.of(images, SAMPLES, 1, SIDE, SIDE)[3];
        assertArrayEquals(expected(images, 3), features, 1e-5f);
        try (var model = ContinualClassifier.create(folder.resolve("model"), Setup.features(TinyBackbone.FEATURES))) {
            for (int c = 0; c < 4; c++) {
                float[][] vectors = backbone.of(stripes(c, 1), SAMPLES, 1, SIDE, SIDE);
                Lesson lesson = model.learn(Samples.ofFeatures(vectors, Collections.nCopies(SAMPLES, "class " + c)));
                assertEquals(Lesson.Kind.REGISTERED, lesson.kind());
            }
            int right = 0;
            for (int c = 0; c < 4; c++) {
                for (float[] vector : backbone.of(stripes(c, 2), SAMPLES, 1, SIDE, SIDE)) {
                    right += model.classifyFeatures(vector).className().equals("class " + c) ? 1 : 0;
                }
            }
            assertTrue(right > 0.9 * 4 * SAMPLES, right + " of " + 4 * SAMPLES + " right");
        }
    }

    /** Noisy stripes, horizontal, vertical or along a diagonal, each with a phase of its own. */
    private static float[] stripes(int direction, int seed) {
        var random = new Random(seed);
        float[] images = new float[SAMPLES * SIDE * SIDE];
        for (int i = 0; i < SAMPLES; i++) {
            double phase = 2 * Math.PI * random.nextDouble();
            for (int y = 0; y < SIDE; y++) {
                for (int x = 0; x < SIDE; x++) {
                    int across = List.of(y, x, x + y, x - y).get(direction);
                    images[(i * SIDE + y) * SIDE + x] =
                            (float) (Math.sin(1.5 * across + phase) + 0.2 * random.nextGaussian());
                }
            }
        }
        return images;
    }

    /** What the backbone's definition gives for an image, in float64. */
    private static float[] expected(float[] images, int image) {
        float[] features = new float[TinyBackbone.FEATURES];
        int positions = (SIDE - 2) * (SIDE - 2);
        for (int f = 0; f < features.length; f++) {
            double sum = 0;
            for (int position = 0; position < positions; position++) {
                double filtered = 0;
                for (int k = 0; k < 9; k++) {
                    int y = position / (SIDE - 2) + k / 3;
                    int x = position % (SIDE - 2) + k % 3;
                    filtered += (double) TinyBackbone.KERNELS[f * 9 + k] * images[(image * SIDE + y) * SIDE + x];
                }
                sum += Math.max(0, filtered);
            }
            features[f] = (float) (sum / positions);
        }
        return features;
    }
}
