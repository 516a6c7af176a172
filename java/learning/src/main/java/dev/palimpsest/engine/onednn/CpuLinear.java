package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A fully connected layer's three matrix products for one number of rows. */
final class CpuLinear {
    record Key(int rows, int inputs, int outputs) {}

    private final OneDnnContext engine;
    private final Key key;
    private final Primitive forward;
    private final Primitive inputGradient;
    private final Primitive weightGradient;

    CpuLinear(OneDnnContext engine, Key key) {
        this.engine = engine;
        this.key = key;
        OneDnn dnn = engine.dnn();
        Shape inputs = Shape.of(key.rows, key.inputs);
        Shape outputs = Shape.of(key.rows, key.outputs);
        MemorySegment bias = engine.rowMajor(Shape.of(1, key.outputs));
        // The weight lies as [outputs, inputs]; read by columns it is its own transpose, and so are gradients of
        // [rows, outputs].
        MemorySegment transposedWeight = dnn.describe(Shape.of(key.inputs, key.outputs), Format.TRANSPOSED);
        MemorySegment transposedGradient = dnn.describe(Shape.of(key.outputs, key.rows), Format.TRANSPOSED);
        forward = product(engine.rowMajor(inputs), transposedWeight, bias, engine.rowMajor(outputs), false);
        inputGradient = product(
                engine.rowMajor(outputs),
                engine.rowMajor(Shape.of(key.outputs, key.inputs)),
                null,
                engine.rowMajor(inputs),
                false);
        weightGradient = product(
                transposedGradient,
                engine.rowMajor(inputs),
                null,
                engine.rowMajor(Shape.of(key.outputs, key.inputs)),
                true);
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

    void forward(int thread, long input, Parameter weight, Parameter bias, long result) {
        forward.run(thread, input, weight.read().address(), bias.read().address(), result);
    }

    void inputGradient(int thread, long gradient, Parameter weight, long result) {
        inputGradient.run(thread, gradient, weight.read().address(), result);
    }

    /** Adds the gradients of weight and bias, on the calling thread. */
    void parameterGradients(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        weightGradient.run(
                0,
                gradient.data().address(),
                input.data().address(),
                weight.updateGradient().address());
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
