package dev.palimpsest.bench;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.model.ConvNorm;
import dev.palimpsest.model.Forward;
import dev.palimpsest.model.Linear;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** The same networks in PyTorch's own operations, all tensors channels last: its fastest order on a CPU. */
final class TorchForward implements Forward<Tensor> {
    private final Map<String, Tensor> tensors = new HashMap<>();
    private final TensorVector parameters = new TensorVector();
    private final TensorOptional none = new TensorOptional();

    /** PyTorch's copies of these parameters, in the order in which the forward pass met them first. */
    TensorVector parameters() {
        return parameters;
    }

    static Tensor tensor(MemorySegment values, int... extents) {
        long[] sizes = Arrays.stream(extents).asLongStream().toArray();
        Tensor plain = Tensor.create(values.toArray(ValueLayout.JAVA_FLOAT), sizes);
        return sizes.length == 4 ? plain.contiguous(torch.MemoryFormat.ChannelsLast) : plain;
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
    public Tensor unit(ConvNorm unit, Tensor input, Tensor residual, boolean relu) {
        Convolution geometry = unit.geometry();
        Tensor convolved = torch.conv2d(
                input,
                of(unit.weight()),
                none,
                new long[] {geometry.stride(), geometry.stride()},
                new long[] {geometry.padding(), geometry.padding()},
                new long[] {1, 1},
                1);
        Tensor normal = torch.batch_norm(
                convolved,
                optional(of(unit.norm().scale())),
                optional(of(unit.norm().shift())),
                optional(of(unit.norm().runningMean())),
                optional(of(unit.norm().runningVariance())),
                true,
                0.1,
                1e-5,
                false);
        if (residual != null) {
            normal = normal.add_(residual);
        }
        return relu ? torch.relu_(normal) : normal;
    }

    private static TensorOptional optional(Tensor tensor) {
        return new TensorOptional(tensor);
    }

    @Override
    public Tensor averagePool(Tensor images) {
        return torch.adaptive_avg_pool2d(images, 1, 1).flatten(1, -1);
    }

    @Override
    public Tensor linear(Linear layer, Tensor input) {
        return torch.linear(input, of(layer.weight()), optional(of(layer.bias())));
    }

    @Override
    public void done(Tensor value) {}
}
