package dev.palimpsest.snapshot;

import dev.palimpsest.model.FrozenNetwork.Weights;
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
 * Earlier models of one network, as teachers need them. Snapshot s, counted from 1, is the model as it was after step
 * s, and stays so, bit for bit, however training goes on. Not thread-safe; memory is freed by {@link #close()}, after
 * which segments given out are invalid.
 */
public sealed interface Snapshots extends AutoCloseable permits PackedSnapshots, FullCopies {
    /**
     * Snapshots as plain copies of everything, for training without pruning: no weight is frozen, and each snapshot
     * costs a model.
     *
     * @return none so far, to be closed by the caller
     */
    static Snapshots copies() {
        return new FullCopies();
    }

    /**
     * Snapshots inside the live model, for training with pruning: a snapshot is the weights that were claimed up to
     * its step, of which later steps move none. In addition to the model they take the owners as bit planes and each
     * snapshot's norms, heads and buffers.
     *
     * @param owners of the model's weights; they stay the caller's and go on changing
     * @return none so far, to be closed by the caller
     */
    static Snapshots packed(Owners owners) {
        return new PackedSnapshots(owners);
    }

    /**
     * Who owns the weights.
     *
     * @return those that the snapshots were made with; empty where snapshots are copies
     */
    default Optional<Owners> owners() {
        return Optional.empty();
    }

    /**
     * Takes the next snapshot: copies what training will change.
     *
     * @param parameters all of the model's; heads may have grown since the last snapshot
     * @param buffers running means and variances
     * @return its number
     */
    int add(List<Parameter> parameters, List<Buffer> buffers);

    /**
     * Snapshots taken so far.
     *
     * @return at least 0
     */
    int count();

    /**
     * Writes a WEIGHT parameter as it was in a snapshot.
     *
     * @param snapshot from 1
     * @param parameter the model's, as given to {@link #add}
     * @param scale float32, one factor for each output channel (first extent) to multiply with, for folding batch
     *     norm; null for none, and then the bits are those of the snapshot
     * @param out float32 in the parameter's shape; must not overlap it
     * @throws IllegalArgumentException if there is no such snapshot or parameter, or a size differs
     */
    void weight(int snapshot, Parameter parameter, @Nullable MemorySegment scale, MemorySegment out);

    /**
     * The mask by which {@link #weight} chooses among the parameter's present values; valid until the next snapshot is
     * taken.
     *
     * @param snapshot from 1
     * @param parameter the model's, as given to {@link #add}
     * @return empty where snapshots are copies
     * @throws IllegalArgumentException if there is no such snapshot or parameter
     */
    Optional<SnapshotMask> mask(int snapshot, Parameter parameter);

    /**
     * A NORM or HEAD parameter or a buffer as it was in a snapshot. A head has the rows it had then.
     *
     * @param snapshot from 1
     * @param name of the parameter or buffer
     * @return float32, row-major, read-only
     * @throws IllegalArgumentException if there is no such snapshot or name
     */
    MemorySegment vector(int snapshot, String name);

    /**
     * The shape of {@link #vector}.
     *
     * @param snapshot from 1
     * @param name of the parameter or buffer
     * @return as it was in the snapshot
     * @throws IllegalArgumentException if there is no such snapshot or name
     */
    Shape shape(int snapshot, String name);

    /**
     * A snapshot as the weights of a frozen network.
     *
     * @param snapshot from 1
     * @return a view of it, valid as long as these snapshots are open
     */
    default Weights weights(int snapshot) {
        return new SnapshotWeights(this, snapshot);
    }

    /**
     * Adds all snapshots to a file; {@link #read} gets them back. The present model's WEIGHT parameters are not among
     * what is added.
     *
     * @param file to be added to
     */
    void write(SafetensorsWriter file);

    /**
     * The snapshots of a file.
     *
     * @param file that {@link #write} added them to
     * @param parameters the model's, with the values that they had when the snapshots were written
     * @param buffers the model's
     * @return empty if there are none in the file
     * @throws IllegalArgumentException with a sentence, if tensors are missing, superfluous, or do not fit the model
     */
    static Optional<Snapshots> read(Safetensors file, List<Parameter> parameters, List<Buffer> buffers) {
        String form = file.metadata().get(CopiedTensors.FORM);
        return switch (form) {
            case null -> Optional.empty();
            case PackedSnapshots.FORM -> Optional.of(PackedSnapshots.read(file, parameters, buffers));
            case FullCopies.FORM -> Optional.of(FullCopies.read(file, parameters, buffers));
            default ->
                throw new IllegalArgumentException("its snapshots are kept in the form '" + form + "', expected "
                        + PackedSnapshots.FORM + " or " + FullCopies.FORM);
        };
    }

    /**
     * What all snapshots take in addition to the live model.
     *
     * @return bytes
     */
    long bytes();

    /**
     * What all snapshots would take as float32 copies of everything.
     *
     * @return bytes
     */
    long fullCopyBytes();

    /**
     * What all snapshots together take for each weight: without norms, heads, buffers and the padding of a tensor's
     * last word.
     *
     * @return bits
     */
    int bitsPerWeight();

    @Override
    void close();

    /**
     * Memory of all snapshots together.
     *
     * @param snapshotBytes as they are kept
     * @param fullCopiesBytes the same models kept whole, in float32
     * @param bitsPerWeight of owners alone, without norms and heads
     */
    record Memory(long snapshotBytes, long fullCopiesBytes, double bitsPerWeight) {
        /** The memory of a method that keeps no snapshots: none. */
        public static final Memory NONE = new Memory(0, 0, 0);

        /**
         * What snapshots take now.
         *
         * @param snapshots to be measured
         * @return bytes and bits
         */
        public static Memory of(Snapshots snapshots) {
            return new Memory(snapshots.bytes(), snapshots.fullCopyBytes(), snapshots.bitsPerWeight());
        }
    }
}
