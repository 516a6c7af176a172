package dev.palimpsest.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Prediction;
import dev.palimpsest.Samples;
import dev.palimpsest.Version;
import dev.palimpsest.data.Images;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** What a model does and knows, as JSON. Thread-safe. */
final class ServedModel {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final ContinualClassifier model;
    private final int side;
    /** How far the lesson is that is being learnt; empty while there is none. */
    private volatile String progress = "";

    /** @throws IllegalArgumentException if the model is not of square RGB images */
    ServedModel(ContinualClassifier model) {
        Shape input = model.setup().input();
        if (input.rank() != 3 || input.extent(0) != 3 || input.extent(1) != input.extent(2)) {
            throw new IllegalArgumentException(
                    "palimpsest serve shows models of square RGB images; this one learns from samples of " + input);
        }
        this.model = model;
        side = input.extent(1);
    }

    /** Height and width of its images. */
    int side() {
        return side;
    }

    JsonNode classify(Images images) {
        Prediction prediction = model.classify(images).getFirst();
        ObjectNode node = JSON.objectNode()
                .put("class", prediction.className())
                .put("probability", prediction.probability())
                .put("unknown", prediction.unknown())
                .put("score", prediction.score());
        ArrayNode all = node.putArray("classes");
        prediction
                .probabilities()
                .forEach((name, share) -> all.addObject().put("name", name).put("probability", share));
        return node;
    }

    JsonNode learn(String className, Images images) throws IOException {
        Samples samples = Samples.of(images, List.of(className));
        progress = "The lesson begins.";
        try {
            return lesson(model.learn(samples, Lesson.Options.DEFAULT.withProgress(new Progress() {
                @Override
                public void step(Step step) {
                    progress = String.format(Locale.ROOT, "Epoch %d, loss %.3f", step.epoch() + 1, step.loss());
                }
            })));
        } finally {
            progress = "";
        }
    }

    JsonNode cancel() {
        return JSON.objectNode().put("cancelled", model.cancelLesson());
    }

    JsonNode rollBack(int version) throws IOException {
        model.rollBack(version);
        return versions();
    }

    JsonNode forget(String className) throws IOException {
        return lesson(model.forget(className));
    }

    JsonNode versions() {
        List<Version> versions = model.versions();
        ObjectNode node = JSON.objectNode()
                .put("current", versions.isEmpty() ? 0 : model.current().number())
                .put("progress", progress)
                .put("exemplarMegabytes", model.setup().exemplarMegabytes());
        ArrayNode all = node.putArray("versions");
        for (Version version : versions) {
            ObjectNode each = all.addObject();
            each.set("lesson", lesson(version.lesson()));
            put(each, "accuracy", version.accuracy());
            put(each, "calibrationError", version.calibrationError());
            ArrayNode classes = each.putArray("classes");
            for (String name : version.classNames()) {
                ObjectNode known = classes.addObject()
                        .put("name", name)
                        .put("samples", version.samples(name))
                        .put("exemplars", version.exemplars(name));
                Double accuracy = version.accuracyByClass().get(name);
                if (accuracy != null) {
                    known.put("accuracy", accuracy);
                }
            }
        }
        return node;
    }

    private static ObjectNode lesson(Lesson lesson) {
        ObjectNode node = JSON.objectNode()
                .put("version", lesson.version())
                .put("before", lesson.before())
                .put("kind", lesson.kind().name().toLowerCase(Locale.ROOT))
                .put("reason", lesson.reason())
                .put("seconds", lesson.seconds())
                .put("samples", lesson.samples())
                .put("heldOut", lesson.heldOut());
        put(node, "oldClassesBefore", lesson.oldClassesBefore());
        put(node, "oldClassesAfter", lesson.oldClassesAfter());
        put(node, "newClassesAfter", lesson.newClassesAfter());
        lesson.newClasses().forEach(node.putArray("newClasses")::add);
        lesson.repeatedClasses().forEach(node.putArray("repeatedClasses")::add);
        lesson.forgottenClasses().forEach(node.putArray("forgottenClasses")::add);
        lesson.warnings().forEach(node.putArray("warnings")::add);
        return node;
    }

    private static void put(ObjectNode node, String name, OptionalDouble value) {
        if (value.isPresent()) {
            node.put(name, value.getAsDouble());
        }
    }
}
