package dev.palimpsest.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the frozen form is derived to be, and which compositions are refused. */
class FoldingTest {
    private static final Shape IMAGE = Shape.of(3, 16, 16);

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    /**
     * Steps as letters: c convolution, n with norm folded in, + with a residual, r with ReLU; else the layer's name.
     */
    private static List<String> steps(Network network) {
        return Folding.of(network.graph()).stream()
                .map(step -> step.folded() == null
                        ? network.graph().step(step.value()).layer().getClass().getSimpleName()
                        : "c" + (step.folded().norm() == null ? "" : "n")
                                + (step.inputs().size() == 2 ? "+" : "")
                                + (step.folded().relu() ? "r" : ""))
                .toList();
    }

    private List<String> steps(Consumer<Node> layers) {
        return steps(Architecture.of(IMAGE, layers).create(arena, 1));
    }

    @Test
    void aResNetIsConvolutionsAndPoolsAlone() {
        assertEquals(
                List.of(
                        "cnr",
                        "cnr",
                        "cn+r",
                        "AveragePoolLayer",
                        "cnr",
                        "cn",
                        "cn+r",
                        "AveragePoolLayer",
                        "cnr",
                        "cn",
                        "cn+r",
                        "AveragePoolLayer"),
                steps(Networks.cifarResNet(IMAGE, 8).create(arena, 1)));
        List<String> photographs = steps(Networks.resNet(IMAGE, 34).create(arena, 1));
        assertEquals(
                36, photographs.stream().filter(step -> step.startsWith("cn")).count());
        assertEquals(16, photographs.stream().filter("cn+r"::equals).count());
        assertEquals("MaxPoolLayer", photographs.get(1));
    }

    @Test
    void whatIsReadTwiceStays() {
        assertEquals(List.of("cnr", "cn", "AddLayer", "AveragePoolLayer", "cn+r", "AveragePoolLayer"), steps(images -> {
            Node x = images.convolution("c1", 8, 3, 1).norm("n1").relu();
            Node y = x.convolution("c2", 8, 3, 1).norm("n2").add(x).relu().stage();
            y.convolution("c3", 8, 3, 1).norm("n3").add(x).relu().stage();
        }));
        assertEquals(List.of("c", "NormLayer", "AddLayer", "AveragePoolLayer"), steps(images -> {
            Node c = images.convolution("c1", 8, 3, 1);
            c.norm("n1").add(c).stage();
        }));
    }

    @Test
    void linearLayersStayAsTheyAre() {
        assertEquals(
                List.of("FlattenLayer", "LinearLayer", "ReluLayer", "LinearLayer", "ReluLayer"),
                steps(Networks.mlp(IMAGE, List.of(8, 4)).create(arena, 1)));
    }

    /** Each with a sentence that names the layer. */
    @Test
    void whatDoesNotFitIsRefused() {
        refused("no stage", images -> images.convolution("c1", 8, 3, 1));
        refused("c2.weight leads to no stage", images -> {
            Node x = images.convolution("c1", 8, 3, 1).stage();
            x.convolution("c2", 8, 3, 1);
        });
        refused(
                "named c1.weight",
                images -> images.convolution("c1", 8, 3, 1)
                        .convolution("c1", 8, 3, 1)
                        .stage());
        refused("h needs features", images -> images.linear("h", 4).stage());
        refused(
                "c1 needs images",
                images -> images.flatten().convolution("c1", 8, 3, 1).stage());
        refused(
                "8×16×16 and 4×16×16",
                images -> images.convolution("c1", 8, 3, 1)
                        .add(images.convolution("c2", 4, 3, 1))
                        .stage());
        refused("begin with a convolution", images -> images.norm("n1").stage());
        refused(
                "begin with a convolution",
                images -> images.maxPool(new MaxPooling(2, 2, 0)).stage());
        Node[] foreign = new Node[1];
        Architecture.of(
                        IMAGE,
                        images -> foreign[0] = images.convolution("c1", 8, 3, 1).stage())
                .create(arena, 1);
        refused(
                "another network",
                images -> images.convolution("c1", 8, 3, 1).add(foreign[0]).stage());
    }

    private void refused(String sentence, Consumer<Node> layers) {
        Architecture architecture = Architecture.of(IMAGE, layers);
        String message = assertThrows(IllegalArgumentException.class, () -> architecture.create(arena, 1))
                .getMessage();
        assertTrue(message.contains(sentence), message);
    }
}
