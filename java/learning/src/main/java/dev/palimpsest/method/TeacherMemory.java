package dev.palimpsest.method;

import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.Option.MemorySize;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What the teachers of an experience take: networks, compiled from their snapshots when they are needed and kept while
 * they fit the limit together with the outputs that are kept; the least recently used goes first. A network in use may
 * pass the limit, for it has to be there. Outputs of teachers are the same bit for bit, whatever the limit.
 */
final class TeacherMemory {
    private final long limit;
    private long outputs;
    /** In the order of use, the latest last. */
    private final Map<Teacher, FrozenNetwork> networks = new LinkedHashMap<>(16, 0.75f, true);

    /** The option {@code teacher-memory} of a method that has teachers. */
    static <R> Option<R, MemorySize> option(Function<R, MemorySize> read) {
        return new Option<>(
                "teacher-memory",
                "SIZE",
                "2G",
                "Most that compiled teachers and their kept outputs may take, such as 512M; 0: compiled anew for every"
                        + " batch. Results are the same.",
                text -> MemorySize.parse("teacher-memory", text),
                read);
    }

    /** @param limit in bytes; 0: a network is compiled each time it is used */
    TeacherMemory(long limit) {
        this.limit = limit;
    }

    /** Uses a teacher's network. */
    <T> T with(Teacher teacher, Function<FrozenNetwork, T> use) {
        FrozenNetwork network = networks.get(teacher);
        if (network == null) {
            network = teacher.compile();
            networks.put(teacher, network);
        }
        T result = use.apply(network);
        // After its use, for it packs its weights for the shapes that it meets.
        for (Teacher oldest : List.copyOf(networks.keySet())) {
            if (bytes() > limit) {
                drop(oldest);
            }
        }
        return result;
    }

    /** Sets memory aside for kept outputs, if there is so much besides those kept already. */
    boolean reserve(long bytes) {
        boolean fits = outputs + bytes <= limit;
        outputs += fits ? bytes : 0;
        return fits;
    }

    void free(long bytes) {
        outputs -= bytes;
    }

    /** Frees a teacher's network, if it is there. */
    void drop(Teacher teacher) {
        FrozenNetwork network = networks.remove(teacher);
        if (network != null) {
            network.close();
        }
    }

    /** Teachers whose network is there, the least recently used first. */
    List<Teacher> compiled() {
        return new ArrayList<>(networks.keySet());
    }

    /** Networks and kept outputs. */
    long bytes() {
        return outputs
                + networks.values().stream().mapToLong(FrozenNetwork::bytes).sum();
    }
}
