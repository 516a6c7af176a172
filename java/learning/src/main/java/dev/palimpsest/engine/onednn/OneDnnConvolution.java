package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.onednn.ConvolutionPrimitive.Arguments;
import dev.palimpsest.engine.onednn.ConvolutionPrimitive.Problem;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A convolution layer by oneDNN's primitives for one shape of images, and its weight in the orders that they chose. */
final class OneDnnConvolution implements CpuConvolution {
    private static final Arguments FORWARD =
            new Arguments(OneDnn.SRC, OneDnn.DST, List.of(OneDnn.SRC, OneDnn.WEIGHTS, OneDnn.DST));
    private static final Arguments INPUT_GRADIENT =
            new Arguments(OneDnn.DIFF_SRC, OneDnn.DIFF_DST, List.of(OneDnn.DIFF_DST, OneDnn.WEIGHTS, OneDnn.DIFF_SRC));
    private static final Arguments WEIGHT_GRADIENT =
            new Arguments(OneDnn.SRC, OneDnn.DIFF_DST, List.of(OneDnn.SRC, OneDnn.DIFF_DST, OneDnn.DIFF_WEIGHTS));

    /** A weight's copy in the order of one primitive. */
    private static final class Packed extends Mirror.Copy {
        private final Primitive reorder;
        private final Arena arena = Arena.ofShared();
        private final MemorySegment memory;

        Packed(OneDnnContext engine, Key key, ConvolutionPrimitive user) {
            super(key.weight().valueMirror());
            Convolution geometry = key.geometry();
            reorder = engine.reorder(engine.rowMajor(geometry.weightShape()), user.expects(OneDnn.WEIGHTS), false);
            memory = arena.allocate(user.bytes(OneDnn.WEIGHTS), 64);
        }

        @Override
        protected void renew(MemorySegment host) {
            reorder.run(0, host, MemorySegment.NULL, host.address(), memory.address());
        }

        void present() {
            read();
        }

        void close() {
            reorder.close();
            arena.close();
        }
    }

    private record InputGradient(ConvolutionPrimitive primitive, Packed weight) {}

    /** {@code unpack} adds the gradient, in the order that the primitive chose, to the parameter's. */
    private record WeightGradient(ConvolutionPrimitive primitive, Primitive unpack) {}

    private final Key key;
    private final OneDnnContext engine;
    private final ConvolutionPrimitive forward;
    private final Packed forwardWeight;
    private @Nullable InputGradient inputGradient;
    private @Nullable WeightGradient weightGradient;

    OneDnnConvolution(OneDnnContext engine, Key key) {
        this.engine = engine;
        this.key = key;
        forward = forward(
                engine,
                key.problem(),
                OneDnn.FORWARD_TRAINING,
                MemorySegment.NULL,
                engine.attributes(),
                false,
                FORWARD);
        forwardWeight = new Packed(engine, key, forward);
    }

    /**
     * Also used for frozen convolutions, which have a bias and more attributes.
     *
     * @param bias its description; NULL for none
     * @param adds whether the attributes add to what the output holds
     */
    static ConvolutionPrimitive forward(
            OneDnnContext engine,
            Problem problem,
            int propagation,
            MemorySegment bias,
            MemorySegment attributes,
            boolean adds,
            Arguments arguments) {
        OneDnn dnn = engine.dnn();
        MemorySegment padding = engine.pair(problem.geometry().padding());
        return new ConvolutionPrimitive(
                engine,
                problem,
                arguments,
                adds,
                (images, outputs) -> dnn.created(slot -> dnn.call(
                        "dnnl_convolution_forward_primitive_desc_create",
                        "PPIIPPPPPPPPP",
                        slot,
                        dnn.engine(),
                        propagation,
                        OneDnn.CONVOLUTION_DIRECT,
                        images,
                        engine.any(problem.geometry().weightShape()),
                        bias,
                        outputs,
                        engine.pair(problem.geometry().stride()),
                        engine.pair(0),
                        padding,
                        padding,
                        attributes)));
    }

    @Override
    public CpuConvolution readyForward() {
        forwardWeight.present();
        return this;
    }

    @Override
    public void forward(int thread, long images, long result) {
        forward.run(thread, images, forwardWeight.memory.address(), result);
    }

    @Override
    public CpuConvolution readyInputGradient() {
        if (inputGradient == null) {
            inputGradient = buildInputGradient();
        }
        inputGradient.weight.present();
        return this;
    }

    @Override
    public void inputGradient(int thread, long gradient, long result) {
        InputGradient built = Objects.requireNonNull(inputGradient);
        built.primitive.run(thread, gradient, built.weight.memory.address(), result);
    }

    @Override
    public CpuConvolution readyWeightGradient() {
        if (weightGradient == null) {
            weightGradient = buildWeightGradient();
        }
        return this;
    }

    @Override
    public long packedBytes() {
        return Objects.requireNonNull(weightGradient).primitive.bytes(OneDnn.DIFF_WEIGHTS);
    }

    @Override
    public void weightGradient(int thread, long images, long gradient, long packed) {
        Objects.requireNonNull(weightGradient).primitive.run(thread, images, gradient, packed);
    }

    @Override
    public void unpack(MemorySegment packed) {
        MemorySegment gradient = key.weight().updateGradient();
        Objects.requireNonNull(weightGradient)
                .unpack
                .run(0, gradient, MemorySegment.NULL, packed.address(), gradient.address());
    }

    @Override
    public void close() {
        if (weightGradient != null) {
            weightGradient.unpack.close();
            weightGradient.primitive.close();
        }
        if (inputGradient != null) {
            inputGradient.weight.close();
            inputGradient.primitive.close();
        }
        forwardWeight.close();
        forward.close();
    }

    private InputGradient buildInputGradient() {
        OneDnn dnn = engine.dnn();
        MemorySegment padding = engine.pair(key.geometry().padding());
        ConvolutionPrimitive primitive = new ConvolutionPrimitive(
                engine,
                new Problem(key.geometry(), key.images(), Tensor.Layout.ENGINE),
                INPUT_GRADIENT,
                false,
                (images, outputs) -> dnn.created(slot -> dnn.call(
                        "dnnl_convolution_backward_data_primitive_desc_create",
                        "PPIPPPPPPPPP",
                        slot,
                        dnn.engine(),
                        OneDnn.CONVOLUTION_DIRECT,
                        images,
                        engine.any(key.geometry().weightShape()),
                        outputs,
                        engine.pair(key.geometry().stride()),
                        engine.pair(0),
                        padding,
                        padding,
                        forward.descriptor(),
                        engine.attributes())));
        return new InputGradient(primitive, new Packed(engine, key, primitive));
    }

    private WeightGradient buildWeightGradient() {
        OneDnn dnn = engine.dnn();
        MemorySegment padding = engine.pair(key.geometry().padding());
        ConvolutionPrimitive primitive = new ConvolutionPrimitive(
                engine,
                key.problem(),
                WEIGHT_GRADIENT,
                false,
                (images, outputs) -> dnn.created(slot -> dnn.call(
                        "dnnl_convolution_backward_weights_primitive_desc_create",
                        "PPIPPPPPPPPPP",
                        slot,
                        dnn.engine(),
                        OneDnn.CONVOLUTION_DIRECT,
                        images,
                        engine.any(key.geometry().weightShape()),
                        MemorySegment.NULL,
                        outputs,
                        engine.pair(key.geometry().stride()),
                        engine.pair(0),
                        padding,
                        padding,
                        forward.descriptor(),
                        engine.attributes())));
        Primitive unpack = engine.reorder(
                primitive.expects(OneDnn.DIFF_WEIGHTS),
                engine.rowMajor(key.geometry().weightShape()),
                true);
        return new WeightGradient(primitive, unpack);
    }
}
