package example.features;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/** A backbone that ONNX Runtime runs. */
final class OnnxFeatures implements AutoCloseable {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;

    OnnxFeatures(Path backbone) throws OrtException {
        session = environment.createSession(backbone.toString());
    }

    /** Features [n, d] of images [n, channels, height, width]. */
    float[][] of(float[] images, long... shape) throws OrtException {
        String input = session.getInputNames().iterator().next();
        try (var tensor = OnnxTensor.createTensor(environment, FloatBuffer.wrap(images), shape);
                var outputs = session.run(Map.of(input, tensor))) {
            return (float[][]) outputs.get(0).getValue();
        }
    }

    @Override
    public void close() throws OrtException {
        session.close();
    }
}
