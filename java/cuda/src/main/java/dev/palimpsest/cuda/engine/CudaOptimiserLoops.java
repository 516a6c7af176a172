package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.kernel.ffi.NativeLibrary;
import dev.palimpsest.kernel.ffi.NativeStruct;
import dev.palimpsest.optim.OptimiserLoops;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One launch moves all parameters that have made the same number of steps, which nearly always are all of them. State,
 * masks and the table of addresses stay on the device.
 */
final class CudaOptimiserLoops implements OptimiserLoops {
    private static final NativeStruct ENTRY = NativeLibrary.struct("palimpsest_cuda_parameter");
    private static final NativeStruct.Field VALUE = ENTRY.field("value");
    private static final NativeStruct.Field GRADIENT = ENTRY.field("gradient");
    private static final List<NativeStruct.Field> STATES =
            List.of(ENTRY.field("first_state"), ENTRY.field("second_state"));
    private static final NativeStruct.Field MASK = ENTRY.field("mask");

    private final CudaContext engine;
    private final CudaStream stream;
    private final UpdateRule rule;
    private final CudaKernel sumSquares;
    private final CudaKernel clipFactor;
    private final CudaKernel sgd;
    private final CudaKernel adam;
    private final DeviceBuffer factor;
    private List<Held> held = List.of();
    private @Nullable Layout layout;
    private boolean clipped;

    /** A parameter with its state. */
    private static final class Held {
        final Parameter parameter;
        final List<DeviceBuffer> states;
        /** Null: all of it moves. */
        @Nullable
        DeviceBuffer mask;

        Held(Parameter parameter, List<DeviceBuffer> states, @Nullable DeviceBuffer mask) {
            this.parameter = parameter;
            this.states = states;
            this.mask = mask;
        }
    }

    /** Blocks of one launch: parameters in a row whose next step has the same number. */
    private static final class Launch {
        final int firstBlock;
        int blocks;
        long steps;

        Launch(int firstBlock, long steps) {
            this.firstBlock = firstBlock;
            this.steps = steps;
        }
    }

    /** What belongs to one list of parameters. */
    private record Layout(
            List<Launch> launches,
            int[] firstBlocks,
            int blocks,
            MemorySegment entries,
            DeviceBuffer table,
            DeviceBuffer parameterOfBlock,
            DeviceBuffer squares) {
        void close() {
            List.of(table, parameterOfBlock, squares).forEach(DeviceBuffer::close);
        }
    }

    CudaOptimiserLoops(CudaContext engine, UpdateRule rule) {
        this.engine = engine;
        this.stream = engine.streamContext().stream();
        this.rule = rule;
        sumSquares = engine.device().kernel("gradient_squares");
        clipFactor = engine.device().kernel("clip_factor");
        sgd = engine.device().kernel("sgd");
        adam = engine.device().kernel("adam");
        factor = engine.take(Float.BYTES);
    }

    @Override
    public void track(List<Entry> entries) {
        List<DeviceBuffer> fresh = new ArrayList<>();
        List<Held> next = new ArrayList<>();
        Layout now;
        try {
            for (Entry entry : entries) {
                next.add(successor(entry, fresh));
            }
            now = layout(entries, fresh);
            write(now, next);
        } catch (RuntimeException e) {
            fresh.forEach(DeviceBuffer::close);
            throw e;
        }
        freeAllBut(next);
        held = next;
        layout = now;
    }

    private Held successor(Entry entry, List<DeviceBuffer> fresh) {
        Held old = entry.from() < 0 ? null : held.get(entry.from());
        if (old != null && old.parameter.size() == entry.parameter().size()) {
            return new Held(entry.parameter(), old.states, old.mask);
        }
        List<DeviceBuffer> states = new ArrayList<>();
        for (int s = 0; s < rule.states(); s++) {
            DeviceBuffer state = take(entry.parameter().shape().bytes(), fresh);
            stream.zero(state.address(), entry.parameter().shape().bytes());
            if (old != null) {
                long bytes = old.parameter.shape().bytes();
                stream.copy(old.states.get(s).address(), state.address(), bytes);
            }
            states.add(state);
        }
        return new Held(entry.parameter(), states, null);
    }

    private DeviceBuffer take(long bytes, List<DeviceBuffer> fresh) {
        DeviceBuffer buffer = engine.take(bytes);
        fresh.add(buffer);
        return buffer;
    }

    private Layout layout(List<Entry> entries, List<DeviceBuffer> fresh) {
        List<Launch> launches = new ArrayList<>();
        List<Integer> parameterOfBlock = new ArrayList<>();
        int[] firstBlocks = new int[entries.size()];
        for (int p = 0; p < firstBlocks.length; p++) {
            Entry entry = entries.get(p);
            if (launches.isEmpty() || launches.getLast().steps != entry.steps()) {
                launches.add(new Launch(parameterOfBlock.size(), entry.steps()));
            }
            Launch launch = launches.getLast();
            firstBlocks[p] = launch.blocks;
            for (int rest = entry.parameter().size(); rest > 0; rest -= sgd.itemsOfBlock()) {
                parameterOfBlock.add(p);
                launch.blocks++;
            }
        }
        int blocks = parameterOfBlock.size();
        launches.removeIf(launch -> launch.blocks == 0);
        Layout now = new Layout(
                launches,
                firstBlocks,
                blocks,
                ENTRY.allocate(Arena.ofAuto(), entries.size()),
                take(ENTRY.bytes() * entries.size(), fresh),
                take((long) Integer.BYTES * blocks, fresh),
                take((long) Double.BYTES * blocks, fresh));
        try (Arena temporary = Arena.ofConfined()) {
            int[] values = parameterOfBlock.stream().mapToInt(Integer::intValue).toArray();
            stream.toDevice(temporary.allocateFrom(JAVA_INT, values), now.parameterOfBlock.address());
        }
        return now;
    }

    /** Fills in the table and brings it to the device. */
    private void write(Layout now, List<Held> list) {
        for (int p = 0; p < list.size(); p++) {
            Held h = list.get(p);
            MemorySegment entry = ENTRY.element(now.entries, p);
            VALUE.set(entry, value(h));
            GRADIENT.set(entry, gradient(h));
            for (int s = 0; s < h.states.size(); s++) {
                STATES.get(s).set(entry, h.states.get(s).address());
            }
            MASK.set(entry, h.mask == null ? 0 : h.mask.address());
            ENTRY.field("size").set(entry, h.parameter.size());
            ENTRY.field("first_block").set(entry, now.firstBlocks[p]);
        }
        upload(now);
    }

    private void upload(Layout now) {
        stream.toDevice(now.entries, now.table.address());
    }

    /** Addresses of values and gradients change when a parameter's copy was forgotten and is made anew. */
    private void renewTable(Layout present) {
        boolean moved = false;
        for (int p = 0; p < held.size(); p++) {
            MemorySegment entry = ENTRY.element(present.entries, p);
            long value = value(held.get(p));
            long gradient = gradient(held.get(p));
            moved |= VALUE.get(entry) != value || GRADIENT.get(entry) != gradient;
            VALUE.set(entry, value);
            GRADIENT.set(entry, gradient);
        }
        if (moved) {
            upload(present);
        }
    }

    private long value(Held h) {
        return engine.mirrors().read(h.parameter.valueMirror()).address();
    }

    private long gradient(Held h) {
        return engine.mirrors().read(h.parameter.gradientMirror()).address();
    }

    private void freeAllBut(List<Held> kept) {
        Set<DeviceBuffer> still = Collections.newSetFromMap(new IdentityHashMap<>());
        kept.forEach(h -> still.addAll(buffers(h)));
        for (Held h : held) {
            for (DeviceBuffer buffer : buffers(h)) {
                if (!still.contains(buffer)) {
                    buffer.close();
                }
            }
        }
        if (layout != null) {
            layout.close();
            layout = null;
        }
    }

    private static List<DeviceBuffer> buffers(Held h) {
        List<DeviceBuffer> buffers = new ArrayList<>(h.states);
        if (h.mask != null) {
            buffers.add(h.mask);
        }
        return buffers;
    }

    /** The host waits, as it may between two phases of training. */
    @Override
    public void masks(byte[][] masks, byte[][] kept) {
        Layout present = Objects.requireNonNull(layout, "masks of parameters that are not tracked");
        DeviceBuffer[] buffers = maskBuffers(masks);
        try (Arena temporary = Arena.ofConfined()) {
            for (int p = 0; p < masks.length; p++) {
                Held h = held.get(p);
                if (masks[p] != null) {
                    stream.toDevice(temporary.allocateFrom(JAVA_BYTE, masks[p]), buffers[p].address());
                } else if (h.mask != null) {
                    h.mask.close();
                }
                h.mask = buffers[p];
                MASK.set(ENTRY.element(present.entries, p), buffers[p] == null ? 0 : buffers[p].address());
                if (kept[p] != null) {
                    for (DeviceBuffer state : h.states) {
                        forget(state, kept[p], temporary);
                    }
                }
            }
        }
        upload(present);
    }

    /** First, since memory may run out: then nothing has changed. */
    private DeviceBuffer[] maskBuffers(byte[][] masks) {
        List<DeviceBuffer> fresh = new ArrayList<>();
        DeviceBuffer[] buffers = new DeviceBuffer[masks.length];
        try {
            for (int p = 0; p < masks.length; p++) {
                DeviceBuffer old = held.get(p).mask;
                buffers[p] = masks[p] == null ? null : old != null ? old : take(masks[p].length, fresh);
            }
        } catch (RuntimeException e) {
            fresh.forEach(DeviceBuffer::close);
            throw e;
        }
        return buffers;
    }

    private void forget(DeviceBuffer state, byte[] kept, Arena temporary) {
        MemorySegment values = temporary.allocate(JAVA_FLOAT, kept.length);
        stream.toHost(state.address(), values);
        for (int i = 0; i < kept.length; i++) {
            if (kept[i] == 0) {
                values.setAtIndex(JAVA_FLOAT, i, 0);
            }
        }
        stream.toDevice(values, state.address());
    }

    /** The factor is worked out on the device and applied by the step. */
    @Override
    public void clip(double maxNorm) {
        if (layout == null || layout.blocks == 0) {
            return;
        }
        renewTable(layout);
        for (Launch launch : layout.launches) {
            long squares = layout.squares.address() + (long) Double.BYTES * launch.firstBlock;
            sumSquares
                    .withBlocks(launch.blocks, layout.table.address(), parameterOfBlock(layout, launch), squares)
                    .run(stream);
        }
        clipFactor
                .with(layout.squares.address(), layout.blocks, maxNorm, factor.address())
                .run(stream);
        clipped = true;
    }

    private static long parameterOfBlock(Layout present, Launch launch) {
        return present.parameterOfBlock.address() + (long) Integer.BYTES * launch.firstBlock;
    }

    @Override
    public void step(double learningRate) {
        if (layout == null) {
            return;
        }
        renewTable(layout);
        held.forEach(h -> engine.mirrors().write(h.parameter.valueMirror()));
        long clip = clipped ? factor.address() : 0;
        clipped = false;
        for (Launch launch : layout.launches) {
            launch.steps++;
            switch (rule) {
                case UpdateRule.Sgd(double momentum, boolean nesterov, double decay) ->
                    sgd.withBlocks(
                                    launch.blocks,
                                    layout.table.address(),
                                    parameterOfBlock(layout, launch),
                                    clip,
                                    (float) learningRate,
                                    (float) momentum,
                                    nesterov ? 1 : 0,
                                    (float) decay)
                            .run(stream);
                case UpdateRule.Adam rates ->
                    adam.withBlocks(
                                    launch.blocks,
                                    layout.table.address(),
                                    parameterOfBlock(layout, launch),
                                    clip,
                                    rates.stepSize(learningRate, launch.steps),
                                    rates.rootCorrection(launch.steps),
                                    (float) (1 - rates.beta1()),
                                    (float) rates.beta2(),
                                    (float) (1 - rates.beta2()),
                                    (float) rates.epsilon(),
                                    (float) rates.weightDecay())
                            .run(stream);
            }
        }
    }

    /** The host waits. */
    @Override
    public float[][] state(int parameter) {
        Held h = held.get(parameter);
        float[][] values = new float[h.states.size()][];
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment copy = temporary.allocate(JAVA_FLOAT, h.parameter.size());
            for (int s = 0; s < values.length; s++) {
                stream.toHost(h.states.get(s).address(), copy);
                values[s] = copy.toArray(JAVA_FLOAT);
            }
        }
        return values;
    }

    @Override
    public void state(int parameter, float[][] values) {
        Held h = held.get(parameter);
        try (Arena temporary = Arena.ofConfined()) {
            for (int s = 0; s < values.length; s++) {
                stream.toDevice(
                        temporary.allocateFrom(JAVA_FLOAT, values[s]),
                        h.states.get(s).address());
            }
        }
    }

    @Override
    public void close() {
        freeAllBut(List.of());
        held = List.of();
        factor.close();
    }
}
