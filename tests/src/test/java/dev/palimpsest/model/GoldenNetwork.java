package dev.palimpsest.model;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A CIFAR ResNet with the weights and the size of a golden case. */
public final class GoldenNetwork {
    private GoldenNetwork() {}

    public static Network load(Safetensors golden, Arena arena) {
        Shape images = golden.shape("image");
        int blocks = 1;
        while (golden.contains("param.stage1." + blocks + ".conv1.weight")) {
            blocks++;
        }
        List<Integer> widths = List.of(1, 2, 3).stream()
                .map(l -> golden.shape("param.stage" + l + ".0.conv2.weight").extent(0))
                .toList();
        Shape image = Shape.of(images.extent(1), images.extent(2), images.extent(3));
        Network network = Networks.cifarResNet(
                        image, ResNetOptions.cifar(6 * blocks + 2).withWidths(widths))
                .create(arena, 0);
        network.grow(golden.shape("param.fc.bias").extent(0));
        for (Parameter parameter : network.parameters()) {
            parameter.set(golden.floats("param." + parameter.name()));
        }
        for (Buffer buffer : network.buffers()) {
            buffer.update().copyFrom(MemorySegment.ofArray(golden.floats("param." + buffer.name())));
        }
        return network;
    }

    public static Tensor images(Safetensors golden, Engine engine) {
        return engine.tensor(golden.shape("image"), golden.floats("image"));
    }
}
