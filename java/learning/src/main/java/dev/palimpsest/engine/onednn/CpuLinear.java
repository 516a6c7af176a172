package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A fully connected layer's three matrix products for one number of rows. */
final class CpuLinear implements AutoCloseable {
    record Key(int rows, int inputs, int outputs) {}

    private final OneDnnContext engine;
    private final Key key;
    /** Each is built when it is first needed: a frozen head has no gradients. */
    private @Nullable Primitive forward;

    private @Nullable Primitive inputGradient;
    private @Nullable Primitive weightGradient;

    CpuLinear(OneDnnContext engine, Key key) {
        this.engine = engine;
        this.key = key;
    }

    private MemorySegment inputs() {
        return engine.rowMajor(Shape.of(key.rows, key.inputs));
    }

    private MemorySegment outputs() {
        return engine.rowMajor(Shape.of(key.rows, key.outputs));
    }

    private MemorySegment weight() {
        return engine.rowMajor(Shape.of(key.outputs, key.inputs));
    }

    /** The weight lies as [outputs, inputs]; read by columns it is its own transpose. */
    CpuLinear readyForward() {
        if (forward == null) {
            forward = product(
                    inputs(),
                    engine.dnn().describe(Shape.of(key.inputs, key.outputs), Format.TRANSPOSED),
                    engine.rowMajor(Shape.of(1, key.outputs)),
                    outputs(),
                    false);
        }
        return this;
    }

    CpuLinear readyInputGradient() {
        if (inputGradient == null) {
            inputGradient = product(outputs(), weight(), null, inputs(), false);
        }
        return this;
    }

    /** Frees the primitives. */
    @Override
    public void close() {
        for (Primitive built : new Primitive[] {forward, inputGradient, weightGradient}) {
            if (built != null) {
                built.close();
            }
        }
    }

    private Primitive product(
            MemorySegment a, MemorySegment b, @Nullable MemorySegment bias, MemorySegment result, boolean accumulate) {
        OneDnn dnn = engine.dnn();
        MemorySegment descriptor = dnn.created(slot -> dnn.call(
                "dnnl_matmul_primitive_desc_create",
                "PPPPPPP",
                slot,
                dnn.engine(),
                a,
                b,
                bias == null ? MemorySegment.NULL : bias,
                result,
                dnn.attributes(accumulate, false)));
        return bias == null
                ? new Primitive(dnn, descriptor, OneDnn.SRC, OneDnn.WEIGHTS, OneDnn.DST)
                : new Primitive(dnn, descriptor, OneDnn.SRC, OneDnn.WEIGHTS, OneDnn.BIAS, OneDnn.DST);
    }

    /** A chunk, once it is ready. */
    void forward(int thread, long input, Parameter weight, Parameter bias, long result) {
        MemorySegment factors = weight.read();
        MemorySegment shifts = bias.read();
        Objects.requireNonNull(forward)
                .run(thread, factors, shifts, input, factors.address(), shifts.address(), result);
    }

    void inputGradient(int thread, long gradient, Parameter weight, long result) {
        MemorySegment factors = weight.read();
        Objects.requireNonNull(inputGradient)
                .run(thread, factors, MemorySegment.NULL, gradient, factors.address(), result);
    }

    /** Adds the gradients of weight and bias, on the calling thread. */
    void parameterGradients(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        if (weightGradient == null) {
            // Gradients of [rows, outputs] read by columns are their transpose.
            weightGradient = product(
                    engine.dnn().describe(Shape.of(key.outputs, key.rows), Format.TRANSPOSED),
                    inputs(),
                    null,
                    weight(),
                    true);
        }
        MemorySegment update = weight.updateGradient();
        weightGradient.run(
                0,
                update,
                MemorySegment.NULL,
                gradient.data().address(),
                input.data().address(),
                update.address());
        MemorySegment biasGradient = bias.updateGradient();
        for (int row = 0; row < key.rows; row++) {
            for (int c = 0; c < key.outputs; c++) {
                float sum = biasGradient.getAtIndex(JAVA_FLOAT, c)
                        + gradient.data().getAtIndex(JAVA_FLOAT, (long) row * key.outputs + c);
                biasGradient.setAtIndex(JAVA_FLOAT, c, sum);
            }
        }
    }
}
