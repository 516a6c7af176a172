package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.engine.Optimisation;
import dev.palimpsest.engine.Update;
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
    private static final int THREADS = 256;
    private static final int WEIGHTS_A_BLOCK = 1024;
    /** Of the table, for each parameter: value, gradient, two states, mask, size, first block. */
    private static final int WORDS = 7;

    private final CudaContext engine;
    private final CudaStream stream;
    private final List<Parameter> parameters;
    private final List<DeviceBuffer> owned = new ArrayList<>();
    private final DeviceBuffer table;
    private final DeviceBuffer parameterOfBlock;
    private final DeviceBuffer squares;
    private final DeviceBuffer factor;
    private final int blocks;
    private final CudaLaunch sumSquares;
    private final CudaLaunch clipFactor;
    private final CudaLaunch sgd;
    private final CudaLaunch adam;
    private boolean clipped;

    CudaOptimisation(
            CudaContext engine, List<Parameter> parameters, Function<Parameter, byte[]> trainable, int states) {
        this.engine = engine;
        this.stream = engine.lane().stream();
        this.parameters = List.copyOf(parameters);
        sumSquares = new CudaLaunch(engine.device(), "optimiser", "gradient_squares", 3);
        clipFactor = new CudaLaunch(engine.device(), "optimiser", "clip_factor", 4);
        sgd = new CudaLaunch(engine.device(), "optimiser", "sgd", 7);
        adam = new CudaLaunch(engine.device(), "optimiser", "adam", 10);
        int[] blocksOf = parameters.stream()
                .mapToInt(p -> Math.ceilDiv(p.size(), WEIGHTS_A_BLOCK))
                .toArray();
        blocks = Arrays.stream(blocksOf).sum();
        try (Arena temporary = Arena.ofConfined()) {
            table = take(8L * WORDS * parameters.size());
            parameterOfBlock = take(4L * blocks);
            squares = take(8L * blocks);
            factor = take(4);
            MemorySegment words = temporary.allocate(JAVA_LONG, (long) WORDS * parameters.size());
            MemorySegment owners = temporary.allocate(JAVA_INT, blocks);
            int block = 0;
            for (int p = 0; p < parameters.size(); p++) {
                Parameter parameter = parameters.get(p);
                long at = (long) WORDS * p;
                words.setAtIndex(
                        JAVA_LONG,
                        at,
                        engine.mirrors().write(parameter.valueMirror()).address());
                words.setAtIndex(
                        JAVA_LONG,
                        at + 1,
                        engine.mirrors().write(parameter.gradientMirror()).address());
                for (int s = 0; s < states; s++) {
                    words.setAtIndex(
                            JAVA_LONG, at + 2 + s, zeros(parameter.shape().bytes()));
                }
                words.setAtIndex(JAVA_LONG, at + 4, mask(parameter, trainable.apply(parameter), temporary));
                words.setAtIndex(JAVA_LONG, at + 5, parameter.size());
                words.setAtIndex(JAVA_LONG, at + 6, block);
                for (int i = 0; i < blocksOf[p]; i++) {
                    owners.setAtIndex(JAVA_INT, block++, p);
                }
            }
            stream.toDevice(words, table.address());
            stream.toDevice(owners, parameterOfBlock.address());
        } catch (RuntimeException e) {
            close();
            throw e;
        }
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
                .with(table.address())
                .with(parameterOfBlock.address())
                .with(squares.address())
                .run(stream, blocks, THREADS, 8 * THREADS);
        clipFactor
                .with(squares.address())
                .with(blocks)
                .withDouble(maxNorm)
                .with(factor.address())
                .run(stream, 1, THREADS, 8 * THREADS);
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
                sgd.with(table.address())
                        .with(parameterOfBlock.address())
                        .with(clip)
                        .withFloat((float) rate)
                        .withFloat((float) momentum)
                        .withInt(nesterov ? 1 : 0)
                        .withFloat((float) decay)
                        .run(stream, blocks, THREADS, 0);
            case Update.Adam(double rate, long step, double beta1, double beta2, double epsilon, double decay) ->
                adam.with(table.address())
                        .with(parameterOfBlock.address())
                        .with(clip)
                        .withFloat((float) (rate / (1 - Math.pow(beta1, step))))
                        .withFloat((float) Math.sqrt(1 - Math.pow(beta2, step)))
                        .withFloat((float) (1 - beta1))
                        .withFloat((float) beta2)
                        .withFloat((float) (1 - beta2))
                        .withFloat((float) epsilon)
                        .withFloat((float) decay)
                        .run(stream, blocks, THREADS, 0);
        }
        parameters.forEach(Parameter::changed);
    }

    @Override
    public void close() {
        owned.forEach(DeviceBuffer::close);
        owned.clear();
    }
}
