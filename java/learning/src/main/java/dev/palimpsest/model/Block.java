package dev.palimpsest.model;

/** What a stage is made of. */
public sealed interface Block {
    /** One convolution, norm and ReLU. */
    record Plain(ConvNorm unit) implements Block {}

    /**
     * relu(second(relu(first(x))) + shortcut(x)), He et al. 2016; {@code shortcut} is null where the identity fits.
     */
    record Residual(ConvNorm first, ConvNorm second, ConvNorm shortcut) implements Block {}
}
