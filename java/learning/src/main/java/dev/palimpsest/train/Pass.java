package dev.palimpsest.train;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.tensor.Tensor;

/**
 * One batch on its way through the network.
 *
 * @param images the batch's images as a tensor
 * @param outputs what the network says, on the tape
 */
public record Pass(Engine engine, Tape tape, Batch batch, Tensor images, Outputs<Variable> outputs) {}
