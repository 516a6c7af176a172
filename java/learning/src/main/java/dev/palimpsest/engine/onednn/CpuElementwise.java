package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Sums and ReLU between tensors of one shape and layout; each primitive is built when it is first needed. */
final class CpuElementwise {
    private final OneDnnContext engine;
    private final MemorySegment described;
    private final Shape shape;
    private final Tensor.Layout layout;
    private @Nullable Primitive sum;
    private @Nullable Primitive reluSum;
    private @Nullable Primitive relu;
    private @Nullable Primitive reluGradient;
    private @Nullable Primitive toRowMajor;
    private @Nullable Primitive fromRowMajor;

    CpuElementwise(OneDnnContext engine, Shape shape, Tensor.Layout layout) {
        this.engine = engine;
        this.shape = shape;
        this.layout = layout;
        described = engine.describe(shape, layout);
    }

    /** In place. */
    void add(Tensor target, Tensor source) {
        sum(target, source, target);
    }

    Tensor sum(Tensor a, Tensor b) {
        Tensor result = engine.tensor(shape, layout);
        sum(a, b, result);
        return result;
    }

    private void sum(Tensor a, Tensor b, Tensor result) {
        if (sum == null) {
            sum = buildSum(false);
        }
        sum.run(a.data(), b.data(), result.data());
    }

    Tensor addRelu(Tensor a, Tensor b) {
        if (reluSum == null) {
            reluSum = buildSum(true);
        }
        Tensor result = engine.tensor(shape, layout);
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
                        described,
                        described,
                        described,
                        dnn.attributes(false, relu))),
                OneDnn.SRC,
                OneDnn.SRC_1,
                OneDnn.DST);
    }

    Tensor relu(Tensor x) {
        if (relu == null) {
            OneDnn dnn = engine.dnn();
            engine.plan(OneDnnContext.passOver(shape));
            relu = new Primitive(dnn, reluDescriptor(), OneDnn.SRC, OneDnn.DST);
        }
        Tensor result = engine.tensor(shape, layout);
        relu.run(x.data(), result.data());
        return result;
    }

    private MemorySegment reluDescriptor() {
        OneDnn dnn = engine.dnn();
        return dnn.created(slot -> dnn.call(
                "dnnl_eltwise_forward_primitive_desc_create",
                "PPIIPPFFP",
                slot,
                dnn.engine(),
                OneDnn.FORWARD_TRAINING,
                OneDnn.RELU_FROM_OUTPUT,
                described,
                described,
                0f,
                0f,
                engine.attributes()));
    }

    Tensor reluGradient(Tensor gradient, Tensor output) {
        if (reluGradient == null) {
            reluGradient = buildReluGradient();
        }
        Tensor result = engine.tensor(shape, layout);
        reluGradient.run(output.data(), gradient.data(), result.data());
        return result;
    }

    private Primitive buildReluGradient() {
        OneDnn dnn = engine.dnn();
        engine.plan(OneDnnContext.passOver(shape));
        MemorySegment hint = reluDescriptor();
        Primitive built = new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_eltwise_backward_primitive_desc_create",
                        "PPIPPPFFPP",
                        slot,
                        dnn.engine(),
                        OneDnn.RELU_FROM_OUTPUT,
                        described,
                        described,
                        described,
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
        if (toRowMajor == null) {
            toRowMajor = engine.reorder(described, engine.rowMajor(shape), false);
        }
        toRowMajor.run(from.data(), to);
    }

    void fromRowMajor(MemorySegment from, Tensor to) {
        if (fromRowMajor == null) {
            fromRowMajor = engine.reorder(engine.rowMajor(shape), described, false);
        }
        fromRowMajor.run(from, to.data());
    }
}
