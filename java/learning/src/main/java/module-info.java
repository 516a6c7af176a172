/** Continual learning by distillation from all earlier models: data, streams, networks, methods, training. */
@SuppressWarnings("module") // the command line, which reads checkpoints, is built after this module
module dev.palimpsest {
    requires transitive dev.palimpsest.kernels;
    requires com.fasterxml.jackson.databind;
    requires transitive java.desktop; // ImageIO reads image files, Java2D renders glyphs, lessons take pictures
    requires java.management; // the memory that a run has taken
    requires org.bytedeco.dnnl.linux.x86_64; // resources alone: oneDNN's shared library
    // No real modules, so an image that jlink makes is without them, and says so when it is given such a file:
    requires static com.twelvemonkeys.imageio.webp; // the JDK does not read WebP
    requires static pickle; // CIFAR as Python has it
    requires static org.jspecify; // annotations for the compiler alone

    exports dev.palimpsest;
    exports dev.palimpsest.autograd;
    exports dev.palimpsest.classifier;
    exports dev.palimpsest.data;
    exports dev.palimpsest.engine;
    exports dev.palimpsest.evaluation;
    exports dev.palimpsest.loss;
    exports dev.palimpsest.method;
    exports dev.palimpsest.metrics;
    exports dev.palimpsest.model;
    exports dev.palimpsest.optim;
    exports dev.palimpsest.option;
    exports dev.palimpsest.snapshot;
    exports dev.palimpsest.stream;
    exports dev.palimpsest.tensor;
    exports dev.palimpsest.train;
    exports dev.palimpsest.checkpoint to
            dev.palimpsest.cli; // models of run folders
    exports dev.palimpsest.internal to
            dev.palimpsest.cli; // what was probably meant, where an option is misspelt

    uses dev.palimpsest.classifier.ClassifierProvider;
    uses dev.palimpsest.data.Source;
    uses dev.palimpsest.engine.EngineProvider;
    uses dev.palimpsest.train.MethodProvider;

    provides dev.palimpsest.classifier.ClassifierProvider with
            dev.palimpsest.classifier.Classifiers.Own;
    provides dev.palimpsest.engine.EngineProvider with
            dev.palimpsest.engine.onednn.OneDnnProvider;
    provides dev.palimpsest.train.MethodProvider with
            dev.palimpsest.method.OwnMethods.Provider;
}
