package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.Optimisation;
import dev.palimpsest.engine.Update;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import dev.palimpsest.kernel.ffi.NativeStruct;
import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * One launch moves all parameters. State, masks and the table of addresses stay on the device for a phase of training.
 */
final class CudaOptimisation implements Optimisation {
    private static final NativeStruct ENTRY = NativeLibrary.struct("palimpsest_cuda_parameter");

    private final CudaContext engine;
    private final CudaStream stream;
    private final List<Parameter> parameters;
    private final List<DeviceBuffer> owned = new ArrayList<>();
    private final DeviceBuffer table;
    private final DeviceBuffer parameterOfBlock;
    private final DeviceBuffer squares;
    private final DeviceBuffer factor;
    private final int blocks;
    private final CudaKernel sumSquares;
    private final CudaKernel clipFactor;
    private final CudaKernel sgd;
    private final CudaKernel adam;
    private boolean clipped;

    CudaOptimisation(
            CudaContext engine, List<Parameter> parameters, Function<Parameter, byte[]> trainable, int states) {
        this.engine = engine;
        this.stream = engine.lane().stream();
        this.parameters = List.copyOf(parameters);
        sumSquares = engine.device().kernel("gradient_squares");
        clipFactor = engine.device().kernel("clip_factor");
        sgd = engine.device().kernel("sgd");
        adam = engine.device().kernel("adam");
        int[] blocksOf = parameters.stream()
                .mapToInt(p -> Math.ceilDiv(p.size(), sgd.itemsOfBlock()))
                .toArray();
        blocks = Arrays.stream(blocksOf).sum();
        try (Arena temporary = Arena.ofConfined()) {
            table = take(ENTRY.bytes() * parameters.size());
            parameterOfBlock = take(4L * blocks);
            squares = take(8L * blocks);
            factor = take(4);
            MemorySegment entries = ENTRY.allocate(temporary, parameters.size());
            MemorySegment owners = temporary.allocate(JAVA_INT, blocks);
            int block = 0;
            for (int p = 0; p < parameters.size(); p++) {
                Parameter parameter = parameters.get(p);
                MemorySegment entry = ENTRY.element(entries, p);
                set(
                        entry,
                        "value",
                        engine.mirrors().write(parameter.valueMirror()).address());
                set(
                        entry,
                        "gradient",
                        engine.mirrors().write(parameter.gradientMirror()).address());
                for (int s = 0; s < states; s++) {
                    set(
                            entry,
                            s == 0 ? "first_state" : "second_state",
                            zeros(parameter.shape().bytes()));
                }
                set(entry, "mask", mask(parameter, trainable.apply(parameter), temporary));
                set(entry, "size", parameter.size());
                set(entry, "first_block", block);
                for (int i = 0; i < blocksOf[p]; i++) {
                    owners.setAtIndex(JAVA_INT, block++, p);
                }
            }
            stream.toDevice(entries, table.address());
            stream.toDevice(owners, parameterOfBlock.address());
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private static void set(MemorySegment entry, String field, long value) {
        ENTRY.field(field).set(entry, value);
    }

    private DeviceBuffer take(long bytes) {
        DeviceBuffer buffer = engine.take(bytes);
        owned.add(buffer);
        return buffer;
    }

    private long zeros(long bytes) {
        DeviceBuffer buffer = take(bytes);
        stream.zero(buffer.address(), bytes);
        return buffer.address();
    }

    private long mask(Parameter parameter, byte[] mask, Arena temporary) {
        if (mask == null) {
            return 0;
        }
        if (mask.length != parameter.size()) {
            throw new IllegalArgumentException("mask of " + parameter.name() + " has " + mask.length
                    + " entries, the parameter is " + parameter.shape() + " (" + parameter.size() + " values)");
        }
        DeviceBuffer buffer = take(mask.length);
        stream.toDevice(temporary.allocateFrom(ValueLayout.JAVA_BYTE, mask), buffer.address());
        return buffer.address();
    }

    /** The factor is worked out on the device and applied by the step. */
    @Override
    public void clip(double maxNorm) {
        parameters.forEach(parameter -> engine.mirrors().read(parameter.gradientMirror()));
        sumSquares
                .withBlocks(blocks, table.address(), parameterOfBlock.address(), squares.address())
                .run(stream);
        clipFactor.with(squares.address(), blocks, maxNorm, factor.address()).run(stream);
        clipped = true;
    }

    @Override
    public void step(Update update) {
        for (Parameter parameter : parameters) {
            engine.mirrors().read(parameter.gradientMirror());
            engine.mirrors().write(parameter.valueMirror());
        }
        long clip = clipped ? factor.address() : 0;
        clipped = false;
        switch (update) {
            case Update.Sgd(double rate, double momentum, boolean nesterov, double decay) ->
                sgd.withBlocks(
                                blocks,
                                table.address(),
                                parameterOfBlock.address(),
                                clip,
                                (float) rate,
                                (float) momentum,
                                nesterov ? 1 : 0,
                                (float) decay)
                        .run(stream);
            case Update.Adam(double rate, long step, double beta1, double beta2, double epsilon, double decay) ->
                adam.withBlocks(
                                blocks,
                                table.address(),
                                parameterOfBlock.address(),
                                clip,
                                (float) (rate / (1 - Math.pow(beta1, step))),
                                (float) Math.sqrt(1 - Math.pow(beta2, step)),
                                (float) (1 - beta1),
                                (float) beta2,
                                (float) (1 - beta2),
                                (float) epsilon,
                                (float) decay)
                        .run(stream);
        }
        parameters.forEach(Parameter::changed);
    }

    @Override
    public void close() {
        owned.forEach(DeviceBuffer::close);
        owned.clear();
    }
}
