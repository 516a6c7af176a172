package example.features;

import ai.djl.MalformedModelException;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import java.io.IOException;
import java.nio.file.Path;

/** A backbone that DJL runs, by whichever engine is on the path. */
final class DjlFeatures implements AutoCloseable {
    private final ZooModel<NDList, NDList> model;
    private final Predictor<NDList, NDList> predictor;

    DjlFeatures(Path backbone) throws IOException, ModelNotFoundException, MalformedModelException {
        model = Criteria.builder()
                .setTypes(NDList.class, NDList.class)
                .optModelPath(backbone)
                .optTranslator(new NoopTranslator())
                .build()
                .loadModel();
        predictor = model.newPredictor();
    }

    /** Features [n, d] of images [n, channels, height, width]. */
    float[][] of(float[] images, long... shape) throws TranslateException {
        try (var manager = model.getNDManager().newSubManager();
                var outputs = predictor.predict(new NDList(manager.create(images, new Shape(shape))))) {
            float[] values = outputs.get(0).toFloatArray();
            float[][] features = new float[(int) shape[0]][values.length / (int) shape[0]];
            for (int i = 0; i < features.length; i++) {
                System.arraycopy(values, i * features[i].length, features[i], 0, features[i].length);
            }
            return features;
        }
    }

    @Override
    public void close() {
        predictor.close();
        model.close();
    }
}
