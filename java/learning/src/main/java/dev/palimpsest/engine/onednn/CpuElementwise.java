package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Sums and ReLU between activations of one shape; each primitive is built when it is first needed. */
final class CpuElementwise {
    private final OneDnnContext engine;
    private final MemorySegment images;
    private final Shape shape;
    private Primitive sum;
    private Primitive reluSum;
    private Primitive reluGradient;
    private Primitive rowMajor;

    CpuElementwise(OneDnnContext engine, Shape shape) {
        this.engine = engine;
        this.shape = shape;
        images = engine.describe(shape, Tensor.Layout.ENGINE);
    }

    void add(Tensor target, Tensor source) {
        if (sum == null) {
            sum = buildSum(false);
        }
        sum.run(target.data(), source.data(), target.data());
    }

    Tensor addRelu(Tensor a, Tensor b) {
        if (reluSum == null) {
            reluSum = buildSum(true);
        }
        Tensor result = engine.activation(shape);
        reluSum.run(a.data(), b.data(), result.data());
        return result;
    }

    private Primitive buildSum(boolean relu) {
        OneDnn dnn = engine.dnn();
        engine.plan(OneDnnContext.passOver(shape));
        return new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_binary_primitive_desc_create",
                        "PPIPPPP",
                        slot,
                        dnn.engine(),
                        OneDnn.BINARY_ADD,
                        images,
                        images,
                        images,
                        dnn.attributes(false, relu))),
                OneDnn.SRC,
                OneDnn.SRC_1,
                OneDnn.DST);
    }

    Tensor reluGradient(Tensor gradient, Tensor output) {
        if (reluGradient == null) {
            reluGradient = buildReluGradient();
        }
        Tensor result = engine.activation(shape);
        reluGradient.run(output.data(), gradient.data(), result.data());
        return result;
    }

    private Primitive buildReluGradient() {
        OneDnn dnn = engine.dnn();
        engine.plan(OneDnnContext.passOver(shape));
        MemorySegment hint = dnn.created(slot -> dnn.call(
                "dnnl_eltwise_forward_primitive_desc_create",
                "PPIIPPFFP",
                slot,
                dnn.engine(),
                OneDnn.FORWARD_TRAINING,
                OneDnn.RELU_FROM_OUTPUT,
                images,
                images,
                0f,
                0f,
                engine.attributes()));
        Primitive built = new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_eltwise_backward_primitive_desc_create",
                        "PPIPPPFFPP",
                        slot,
                        dnn.engine(),
                        OneDnn.RELU_FROM_OUTPUT,
                        images,
                        images,
                        images,
                        0f,
                        0f,
                        hint,
                        engine.attributes())),
                OneDnn.DST,
                OneDnn.DIFF_DST,
                OneDnn.DIFF_SRC);
        dnn.destroy("dnnl_primitive_desc_destroy", hint);
        return built;
    }

    void toRowMajor(Tensor from, MemorySegment to) {
        if (rowMajor == null) {
            rowMajor = engine.reorder(images, engine.rowMajor(shape), false);
        }
        rowMajor.run(from.data(), to);
    }
}
