package dev.palimpsest.model;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.engine.Pooled;
import dev.palimpsest.tensor.Tensor;

/** A forward pass of which nothing but the outputs is kept. */
abstract class UntapedForward implements Forward<Tensor> {
    final Engine engine;

    UntapedForward(Engine engine) {
        this.engine = engine;
    }

    @Override
    public Tensor maxPool(Tensor images, MaxPooling geometry) {
        Pooled pooled = engine.maxPool(images, geometry);
        engine.release(images);
        pooled.saved().forEach(engine::release);
        return pooled.output();
    }

    @Override
    public Tensor averagePool(Tensor images) {
        return engine.averagePool(images);
    }

    @Override
    public void done(Tensor value) {
        engine.release(value);
    }
}
