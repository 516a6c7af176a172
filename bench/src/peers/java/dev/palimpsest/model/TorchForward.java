package dev.palimpsest.model;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.model.Layers.AddLayer;
import dev.palimpsest.model.Layers.AveragePoolLayer;
import dev.palimpsest.model.Layers.ConvolutionLayer;
import dev.palimpsest.model.Layers.MaxPoolLayer;
import dev.palimpsest.model.Layers.NormLayer;
import dev.palimpsest.model.Network.Head;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The same networks in PyTorch's own operations, all tensors channels last: its fastest order on a CPU. It stands in
 * the package of the layers, which nobody else can name.
 */
public final class TorchForward implements Forward<Tensor> {
    private final Map<String, Tensor> tensors = new HashMap<>();
    private final TensorVector parameters = new TensorVector();
    private final TensorOptional none = new TensorOptional();
    private final boolean training;

    /** @param training whether batch norm takes the batch's statistics, not the running ones */
    public TorchForward(boolean training) {
        this.training = training;
    }

    /** PyTorch's copies of these parameters, in the order in which the forward pass met them first. */
    public TensorVector parameters() {
        return parameters;
    }

    public static Tensor tensor(MemorySegment values, int... extents) {
        long[] sizes = Arrays.stream(extents).asLongStream().toArray();
        Tensor plain = Tensor.create(values.toArray(ValueLayout.JAVA_FLOAT), sizes);
        return sizes.length == 4 ? plain.contiguous(torch.MemoryFormat.ChannelsLast) : plain;
    }

    /** Logits of a batch. */
    public Tensor logits(Network network, Tensor images) {
        return network.forward(this, images, false).logits();
    }

    private Tensor of(Parameter parameter) {
        return tensors.computeIfAbsent(parameter.name(), name -> {
            Tensor tensor = tensor(parameter.read(), parameter.shape().extents());
            tensor.set_requires_grad(true);
            parameters.push_back(tensor);
            return tensor.retainReference();
        });
    }

    private Tensor of(Buffer buffer) {
        return tensors.computeIfAbsent(
                buffer.name(),
                name -> tensor(buffer.read(), buffer.shape().extents()).retainReference());
    }

    @Override
    public Tensor layer(Layer layer, List<Tensor> inputs) {
        Tensor x = inputs.getFirst();
        return switch (layer) {
            case ConvolutionLayer convolution -> convolution(x, convolution);
            case NormLayer(BatchNorm norm, boolean relu) -> {
                Tensor normal = torch.batch_norm(
                        x,
                        optional(of(norm.scale())),
                        optional(of(norm.shift())),
                        optional(of(norm.runningMean())),
                        optional(of(norm.runningVariance())),
                        training,
                        0.1,
                        1e-5,
                        false);
                yield relu ? torch.relu_(normal) : normal;
            }
            // In place, as one writes it in PyTorch: nothing else reads a residual block's last norm.
            case AddLayer(boolean relu) -> relu ? torch.relu_(x.add_(inputs.getLast())) : x.add_(inputs.getLast());
            case MaxPoolLayer(MaxPooling(int kernel, int stride, int padding)) ->
                torch.max_pool2d(
                        x,
                        new long[] {kernel, kernel},
                        new long[] {stride, stride},
                        new long[] {padding, padding},
                        new long[] {1, 1},
                        false);
            case AveragePoolLayer() -> torch.adaptive_avg_pool2d(x, 1, 1).flatten(1, -1);
            default -> throw new IllegalArgumentException("no PyTorch operation for " + layer);
        };
    }

    private Tensor convolution(Tensor x, ConvolutionLayer layer) {
        Convolution geometry = layer.geometry();
        return torch.conv2d(
                x,
                of(layer.weight()),
                none,
                new long[] {geometry.stride(), geometry.stride()},
                new long[] {geometry.padding(), geometry.padding()},
                new long[] {1, 1},
                1);
    }

    private static TensorOptional optional(Tensor tensor) {
        return new TensorOptional(tensor);
    }

    @Override
    public Tensor head(Head head, Tensor features) {
        return torch.linear(features, of(head.weight()), optional(of(head.bias())));
    }

    @Override
    public void done(Tensor value) {}
}
