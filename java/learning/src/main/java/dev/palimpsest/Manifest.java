package dev.palimpsest;

import dev.palimpsest.data.Normalisation;
import dev.palimpsest.tensor.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * What stands in a model's folder: all versions, and which files each of them reads. Replaced as a whole, after the
 * files that it names have been written: so a kill at any moment leaves the last whole version. It carries a checksum
 * of its own and those of the files.
 *
 * @param setup of the model
 * @param pixels what images are normalised by; empty for features, and before the first lesson
 * @param current number of the version that classifies; 0 for a model that has learnt nothing
 * @param entries one for every version, in the order in which they were made
 * @param checksums of the files that the versions read, by name: so a file that is whole but another one is found
 */
record Manifest(
        Setup setup,
        Optional<Normalisation> pixels,
        int current,
        List<Entry> entries,
        SortedMap<String, String> checksums) {
    static final String FILE = "model.json";

    /**
     * One version.
     *
     * @param lesson what made it
     * @param snapshots files of the models that it reads, in order
     * @param changed classes that came or were measured further since the version before
     * @param calibration of its scores
     * @param accuracy on held-out samples by class, of classes where it is not that of the version before: most stay
     * @param exemplars images of this lesson's that are kept, at most one file for each of its classes
     */
    record Entry(
            Lesson lesson,
            List<String> snapshots,
            List<KnownClass> changed,
            Calibrated calibration,
            SortedMap<String, Double> accuracy,
            List<Exemplars> exemplars) {
        Entry {
            snapshots = List.copyOf(snapshots);
            changed = List.copyOf(changed);
            exemplars = List.copyOf(exemplars);
            accuracy = Collections.unmodifiableSortedMap(new TreeMap<>(accuracy));
        }
    }

    /**
     * A class and where its statistics are.
     *
     * @param number that it got when it first came; never given again
     * @param file with its statistics
     * @param snapshots how many of the first models measured it
     * @param samples that were measured
     * @param heldOut samples whose features are kept to measure accuracy
     */
    record KnownClass(String name, int number, String file, int snapshots, int samples, int heldOut) {
        KnownClass {
            if (number < 0 || snapshots < 1 || samples < 1 || heldOut < 0) {
                throw new IllegalArgumentException("class " + name + " has the number " + number + " and " + samples
                        + " samples under " + snapshots + " snapshots, " + heldOut + " held out");
            }
        }
    }

    /**
     * Images of a class that are kept.
     *
     * @param className of all of them
     * @param file that holds them and nothing else
     * @param images how many, at least 1
     */
    record Exemplars(String className, String file, int images) {
        Exemplars {
            if (images < 1) {
                throw new IllegalArgumentException(images + " images of the class " + className + " are kept");
            }
        }
    }

    /**
     * How scores become probabilities.
     *
     * @param temperature by which scores are multiplied before the softmax
     * @param farthest distance of a sample that is not unknown
     * @param error expected calibration error on the held-out samples; empty where there are none
     */
    record Calibrated(double temperature, double farthest, OptionalDouble error) {}

    Manifest {
        entries = List.copyOf(entries);
        checksums = Collections.unmodifiableSortedMap(new TreeMap<>(checksums));
    }

    /** A model that has learnt nothing. */
    static Manifest of(Setup setup, Optional<Normalisation> pixels) {
        return new Manifest(setup, pixels, 0, List.of(), Collections.emptySortedMap());
    }

    /** The file of the snapshot that a version's lesson trained; 0 for pretrained weights. */
    static String snapshotFile(int version) {
        return "snapshot-" + version + ".safetensors";
    }

    /** @throws IllegalArgumentException with a sentence, if there is no such version */
    Entry entry(int version) {
        if (version < 1 || version > entries.size()) {
            throw new IllegalArgumentException("there is no version " + version + ": the model has "
                    + (entries.isEmpty() ? "learnt nothing yet" : "1 to " + entries.size()));
        }
        return entries.get(version - 1);
    }

    /** The version that the next lesson makes: they count from 1. */
    int next() {
        return entries.size() + 1;
    }

    /** The versions that a version goes back to, and itself, the first first. */
    private Deque<Entry> line(int version) {
        Deque<Entry> line = new ArrayDeque<>();
        for (int v = version; v > 0; v = line.getFirst().lesson().before()) {
            line.addFirst(entry(v));
        }
        return line;
    }

    /** The images that a version has kept of the classes that it knows; version 0 has none. */
    List<Exemplars> exemplars(int version) {
        List<Exemplars> kept = new ArrayList<>();
        for (Entry entry : line(version)) {
            kept.removeIf(each -> entry.lesson().forgottenClasses().contains(each.className()));
            kept.addAll(entry.exemplars());
        }
        return kept;
    }

    /** The classes that a version knows, in the order in which they came; version 0 knows none. */
    List<KnownClass> classes(int version) {
        SortedMap<Integer, KnownClass> known = new TreeMap<>();
        for (Entry entry : line(version)) {
            List<String> forgotten = entry.lesson().forgottenClasses();
            if (!forgotten.isEmpty()) {
                known.values().removeIf(c -> forgotten.contains(c.name()));
            }
            entry.changed().forEach(c -> known.put(c.number(), c));
        }
        return List.copyOf(known.values());
    }

    /** Shares of 1 on the held-out samples of a version's classes, of those that have some; version 0 has none. */
    SortedMap<String, Double> accuracy(int version) {
        SortedMap<String, Double> accuracy = new TreeMap<>();
        for (Entry entry : line(version)) {
            accuracy.keySet().removeAll(entry.lesson().forgottenClasses());
            accuracy.putAll(entry.accuracy());
        }
        return Collections.unmodifiableSortedMap(accuracy);
    }

    /** Every file that some version reads. */
    Set<String> files() {
        Set<String> files = new TreeSet<>();
        if (setup.pretrained().isPresent()) {
            files.add(snapshotFile(0));
        }
        for (Entry entry : entries) {
            files.addAll(entry.snapshots());
            entry.changed().forEach(c -> files.add(c.file()));
            entry.exemplars().forEach(kept -> files.add(kept.file()));
        }
        return files;
    }

    /** A number that no class ever had. */
    int nextClass() {
        return entries.stream()
                .flatMap(entry -> entry.changed().stream())
                .mapToInt(c -> c.number() + 1)
                .max()
                .orElse(0);
    }

    /** @param entry the next version's, with the accuracy of all its classes */
    Manifest with(Optional<Normalisation> normalisation, Entry entry) {
        NavigableMap<String, Double> accuracy = new TreeMap<>(entry.accuracy());
        accuracy(entry.lesson().before()).forEach(accuracy::remove);
        Entry changes = new Entry(
                entry.lesson(), entry.snapshots(), entry.changed(), entry.calibration(), accuracy, entry.exemplars());
        return new Manifest(
                setup,
                normalisation,
                entry.lesson().version(),
                Stream.concat(entries.stream(), Stream.of(changes)).toList(),
                checksums);
    }

    Manifest at(int version) {
        entry(version);
        return new Manifest(setup, pixels, version, entries, checksums);
    }

    /** The same without a class in any version. */
    Manifest without(String name) {
        return changed(entry -> {
            SortedMap<String, Double> accuracy = new TreeMap<>(entry.accuracy());
            accuracy.remove(name);
            return new Entry(
                    entry.lesson(),
                    entry.snapshots(),
                    entry.changed().stream().filter(c -> !c.name().equals(name)).toList(),
                    entry.calibration(),
                    accuracy,
                    entry.exemplars().stream()
                            .filter(kept -> !kept.className().equals(name))
                            .toList());
        });
    }

    /**
     * The same with other files of exemplars.
     *
     * @param instead by the file that is replaced; empty where no image is left
     */
    Manifest withExemplars(Map<String, Optional<Exemplars>> instead) {
        return changed(entry -> new Entry(
                entry.lesson(),
                entry.snapshots(),
                entry.changed(),
                entry.calibration(),
                entry.accuracy(),
                entry.exemplars().stream()
                        .flatMap(kept -> instead.getOrDefault(kept.file(), Optional.of(kept)).stream())
                        .toList()));
    }

    private Manifest changed(UnaryOperator<Entry> change) {
        return new Manifest(setup, pixels, current, entries.stream().map(change).toList(), checksums);
    }

    /**
     * The same with the checksums of exactly the files that some version reads; those that are new are read back.
     *
     * @throws IOException with a sentence, if one of them cannot be read or is damaged
     */
    Manifest recorded(Path folder) throws IOException {
        SortedMap<String, String> recorded = new TreeMap<>(checksums);
        recorded.keySet().retainAll(files());
        for (String file : files()) {
            if (!recorded.containsKey(file)) {
                recorded.put(file, read(folder, file).checksum().orElseThrow());
            }
        }
        return new Manifest(setup, pixels, current, entries, recorded);
    }

    /**
     * A file of the model.
     *
     * @throws IOException with a sentence, if it cannot be read, is damaged, or another one than the manifest knows
     */
    Safetensors read(Path folder, String file) throws IOException {
        Safetensors read = Safetensors.read(folder.resolve(file)).checked();
        String found = read.checksum().orElseThrow();
        if (!checksums.getOrDefault(file, found).equals(found)) {
            throw new IOException(read.source() + " is not the file that " + FILE + " knows: it has the checksum "
                    + found + ", expected " + checksums.get(file) + "; restore the file from a copy");
        }
        return read;
    }
}
