package example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.Layer;
import dev.palimpsest.model.Node;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Experiment;
import dev.palimpsest.train.Methods;
import dev.palimpsest.train.TrainingOptions;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A layer of a stranger's own: one record with its output and its gradient. */
class OwnLayerTest {
    /** max(x, 0), as the library has it too. */
    private record Rectifier() implements Layer {
        @Override
        public Shape outputShape(List<Shape> inputs) {
            return inputs.getFirst();
        }

        @Override
        public Variable apply(Tape tape, List<Variable> inputs, boolean frozenNorm) {
            Variable x = inputs.getFirst();
            Tensor output = tape.engine().relu(x.value());
            return tape.record(
                    output,
                    List.of(),
                    gradient -> tape.accumulate(x, tape.engine().reluGradient(gradient, output)));
        }
    }

    @Test
    void aLayerWithItsOwnGradientTrainsAsTheLibrarysDoes() {
        assertEquals(trained(Node::relu), trained(node -> node.then(make -> new Rectifier())));
    }

    private static String trained(UnaryOperator<Node> rectified) {
        return Experiment.of(ClassIncrementalStream.of(Stripes.make(20), "4+3x2", "1", 0, 1))
                .network(image -> Architecture.of(
                        image,
                        images -> rectified
                                .apply(images.flatten().linear("hidden", 16))
                                .stage()))
                .method(Methods.named("joint").create(Map.of()))
                .training(TrainingOptions.DEFAULT.withEpochs(1))
                .engine(Engines.cpu(1))
                .run()
                .weightsSha256();
    }
}
