package dev.palimpsest.model;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Parameter;

/** A convolution without bias and the batch norm behind it: the unit that a frozen teacher folds into one convolution. */
public record ConvNorm(Parameter weight, Convolution geometry, BatchNorm norm) {}
