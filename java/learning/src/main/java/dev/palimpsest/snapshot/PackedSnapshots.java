package dev.palimpsest.snapshot;

import dev.palimpsest.kernel.SnapshotReconstruction;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.SnapshotMask;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Snapshots inside the live model: snapshot s is the weights whose owner is 1 to s, which later steps never move, and
 * +0 elsewhere. In addition to the model it takes the owners as bit planes, ⌈log₂(N + 1)⌉ bits per weight for N steps,
 * and each snapshot's norms, heads, buffers and smallest tensors.
 */
final class PackedSnapshots implements Snapshots {
    static final String FORM = "packed";

    private final Owners owners;
    /** One thread: weights are rebuilt once per experience, in less time than a training step. */
    private final SnapshotReconstruction kernel = new SnapshotReconstruction(1);

    private final CopiedTensors copies;
    private final Map<Parameter, Mirror> planes = new HashMap<>();
    private Arena planesArena = Arena.ofShared();
    private int planeCount;
    private long ownedHash;
    private long fullCopyBytes;

    PackedSnapshots(Owners owners) {
        this(owners, new CopiedTensors());
    }

    private PackedSnapshots(Owners owners, CopiedTensors copies) {
        this.owners = owners;
        this.copies = copies;
    }

    /** Owners come as bit planes, as they lie in memory. */
    static PackedSnapshots read(Safetensors file, List<Parameter> parameters, List<Buffer> buffers) {
        CopiedTensors copies = CopiedTensors.read(
                file,
                parameters.stream()
                        .filter(parameter -> !hasOwners(file, parameter))
                        .toList(),
                buffers);
        try {
            return read(file, parameters, copies);
        } catch (RuntimeException e) {
            copies.close();
            throw e;
        }
    }

    private static PackedSnapshots read(Safetensors file, List<Parameter> parameters, CopiedTensors copies) {
        int steps = copies.count();
        Owners owners = Owners.after(
                steps, parameters, parameter -> hasOwners(file, parameter), parameter -> codes(file, parameter, steps));
        owners.freeWeightThatIsNotZero().ifPresent(found -> {
            throw new IllegalArgumentException("its " + found);
        });
        PackedSnapshots read = new PackedSnapshots(owners, copies);
        read.ownedHash = owners.hash(steps);
        long weights = owners.weights().stream()
                .mapToLong(parameter -> parameter.shape().bytes())
                .sum();
        read.fullCopyBytes = steps * weights + copies.bytes();
        read.pack();
        return read;
    }

    private static byte[] codes(Safetensors file, Parameter parameter, int steps) {
        int count = SnapshotReconstruction.planesFor(steps);
        byte[] planes = file.bytes(tensor(parameter));
        long expected = SnapshotReconstruction.planeBytes(parameter.size(), count);
        if (planes.length != expected) {
            throw new IllegalArgumentException("its tensor " + tensor(parameter) + " has " + planes.length
                    + " bytes, expected " + expected + " for " + steps + " snapshots");
        }
        byte[] codes = SnapshotReconstruction.unpack(parameter.size(), count, MemorySegment.ofArray(planes));
        for (byte code : codes) {
            if (Byte.toUnsignedInt(code) > steps) {
                throw new IllegalArgumentException("its tensor " + tensor(parameter) + " has the owner "
                        + Byte.toUnsignedInt(code) + ", expected 0 to " + steps);
            }
        }
        return codes;
    }

    private static boolean hasOwners(Safetensors file, Parameter parameter) {
        return parameter.role() == Parameter.Role.WEIGHT && file.names().contains(tensor(parameter));
    }

    @Override
    public void write(SafetensorsWriter file) {
        copies.write(file, FORM);
        planes.forEach((parameter, bits) ->
                file.add(tensor(parameter), Safetensors.Type.U8, Shape.of(Math.toIntExact(bits.bytes())), bits.read()));
    }

    private static String tensor(Parameter parameter) {
        return "owners." + parameter.name();
    }

    @Override
    public Optional<Owners> owners() {
        return Optional.of(owners);
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException if the next step has not claimed and released, released weights are not +0, or
     *     weights of earlier steps moved
     */
    @Override
    public int add(List<Parameter> parameters, List<Buffer> buffers) {
        int snapshot = count() + 1;
        if (owners.step() != snapshot || !owners.hasReleased()) {
            throw new IllegalStateException(
                    "snapshot " + snapshot + " is taken when step " + snapshot + " has released its weights, but step "
                            + owners.step() + (owners.hasReleased() ? " has done so" : " has not"));
        }
        for (Parameter parameter : parameters) {
            owners.trainable(parameter); // refuses weights that have no owners
        }
        owners.freeWeightThatIsNotZero().ifPresent(found -> {
            throw new IllegalStateException(found + ": give Owners.trainable to the optimiser as its mask");
        });
        if (count() > 0 && owners.hash(count()) != ownedHash) {
            throw new IllegalStateException("weights of earlier steps moved while step " + snapshot
                    + " trained, so the snapshots before it are lost: give Owners.trainable to the optimiser"
                    + " as its mask");
        }
        ownedHash = owners.hash(snapshot);
        copies.add(parameters, owners::isCopied, buffers);
        fullCopyBytes += CopiedTensors.allBytes(parameters, buffers);
        pack();
        return snapshot;
    }

    @Override
    public int count() {
        return copies.count();
    }

    @Override
    public void weight(int snapshot, Parameter parameter, @Nullable MemorySegment scale, MemorySegment out) {
        CopiedTensors.requireSizes(parameter, scale, out);
        if (owners.isCopied(parameter)) {
            copies.writeScaled(snapshot, parameter, scale, out);
            return;
        }
        Mirror bits = planes(snapshot, parameter);
        long perChannel = parameter.size() / Math.max(1, parameter.shape().extent(0));
        kernel.apply(parameter.size(), parameter.read(), bits.read(), planeCount, snapshot, scale, perChannel, out);
    }

    @Override
    public Optional<SnapshotMask> mask(int snapshot, Parameter parameter) {
        return owners.isCopied(parameter)
                ? Optional.empty()
                : Optional.of(new SnapshotMask(planes(snapshot, parameter), planeCount, snapshot));
    }

    private Mirror planes(int snapshot, Parameter parameter) {
        copies.requireSnapshot(snapshot);
        owners.codesOf(parameter); // refuses what has no owners
        return Objects.requireNonNull(planes.get(parameter)); // a snapshot has packed all owners
    }

    /**
     * Brings the planes up to the owners; new memory only when a step needs one more plane. Once per snapshot is
     * enough: what later steps claim and release is free to every snapshot before them.
     */
    private void pack() {
        int needed = SnapshotReconstruction.planesFor(owners.step());
        if (needed != planeCount) {
            freePlanes();
            planesArena = Arena.ofShared();
            planeCount = needed;
            for (Parameter parameter : owners.weights()) {
                planes.put(
                        parameter,
                        new Mirror(planesArena.allocate(
                                SnapshotReconstruction.planeBytes(parameter.size(), planeCount), 64)));
            }
        }
        planes.forEach(
                (parameter, bits) -> SnapshotReconstruction.pack(owners.codesOf(parameter), planeCount, bits.update()));
    }

    private void freePlanes() {
        planes.values().forEach(Mirror::forget);
        planes.clear();
        planesArena.close();
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
        return planes.values().stream().mapToLong(Mirror::bytes).sum() + copies.bytes();
    }

    @Override
    public long fullCopyBytes() {
        return fullCopyBytes;
    }

    /** {@inheritDoc} Here it is ⌈log₂(N + 1)⌉ after N steps. */
    @Override
    public int bitsPerWeight() {
        return planeCount;
    }

    @Override
    public void close() {
        kernel.close();
        freePlanes();
        copies.close();
    }
}
