package dev.palimpsest.snapshot;

import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.SnapshotMask;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Snapshots as plain copies of everything, for training without pruning: no weight is frozen, and each snapshot costs
 * a model.
 */
final class FullCopies implements Snapshots {
    static final String FORM = "full";

    private final CopiedTensors copies;

    FullCopies() {
        this(new CopiedTensors());
    }

    private FullCopies(CopiedTensors copies) {
        this.copies = copies;
    }

    static FullCopies read(Safetensors file, List<Parameter> parameters, List<Buffer> buffers) {
        return new FullCopies(CopiedTensors.read(file, parameters, buffers));
    }

    @Override
    public void write(SafetensorsWriter file) {
        copies.write(file, FORM);
    }

    @Override
    public int add(List<Parameter> parameters, List<Buffer> buffers) {
        copies.add(parameters, p -> true, buffers);
        return count();
    }

    @Override
    public int count() {
        return copies.count();
    }

    @Override
    public void weight(int snapshot, Parameter parameter, @Nullable MemorySegment scale, MemorySegment out) {
        CopiedTensors.requireSizes(parameter, scale, out);
        copies.writeScaled(snapshot, parameter, scale, out);
    }

    @Override
    public Optional<SnapshotMask> mask(int snapshot, Parameter parameter) {
        return Optional.empty();
    }

    @Override
    public MemorySegment vector(int snapshot, String name) {
        return copies.get(snapshot, name).read();
    }

    @Override
    public Shape shape(int snapshot, String name) {
        return copies.get(snapshot, name).shape();
    }

    @Override
    public long bytes() {
        return copies.bytes();
    }

    @Override
    public long fullCopyBytes() {
        return copies.bytes();
    }

    /** {@inheritDoc} Here it is 32 for each snapshot. */
    @Override
    public int bitsPerWeight() {
        return Float.SIZE * count();
    }

    @Override
    public void close() {
        copies.close();
    }
}
