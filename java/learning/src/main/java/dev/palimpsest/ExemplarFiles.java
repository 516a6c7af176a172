package dev.palimpsest;

import dev.palimpsest.Manifest.Exemplars;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.data.Images;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Images of learnt classes in a model's folder. What a lesson keeps of a class is a file, in random order, so that its
 * first images are a random choice of whatever size. All classes of all versions share the budget alike, and where it
 * gets short files are replaced by shorter ones: a file that some manifest knows is never changed.
 */
final class ExemplarFiles {
    private static final long PURPOSE = 307;
    private static final String IMAGES = "images";
    /** Of a file, most bytes beside its pixels: sizes, header, checksum. */
    private static final int HEADER = 512;
    /** Of a class, as an array takes them. */
    private static final int MOST_BYTES = Integer.MAX_VALUE - 8;

    private final Path folder;
    private final Setup setup;
    private final int imageBytes;

    ExemplarFiles(Path folder, Setup setup) {
        this.folder = folder;
        this.setup = setup;
        imageBytes = Math.toIntExact(setup.input().elements());
    }

    /**
     * What is kept after a lesson.
     *
     * @param added of the lesson's images, for its version
     * @param instead shorter files of earlier lessons, as {@link Manifest#withExemplars} takes them
     */
    record Kept(List<Exemplars> added, Map<String, Optional<Exemplars>> instead) {
        static final Kept NOTHING = new Kept(List.of(), Map.of());
    }

    /**
     * Writes images of a lesson, and shorter files of earlier ones where the budget asks for it.
     *
     * @param before the lesson
     * @param images of the lesson
     * @param learnt indices of its images by class, those held out left out
     */
    Kept keep(Manifest before, Images images, Map<String, int[]> learnt) throws IOException {
        if (setup.exemplarMegabytes() == 0) {
            return Kept.NOTHING;
        }
        Map<String, List<Exemplars>> earlier = before.entries().stream()
                .flatMap(entry -> entry.exemplars().stream())
                .collect(Collectors.groupingBy(Exemplars::className));
        Set<String> classes = new TreeSet<>(earlier.keySet());
        classes.addAll(learnt.keySet());
        long share = (long) (1e6 * setup.exemplarMegabytes()) / classes.size();
        List<Exemplars> added = new ArrayList<>();
        Map<String, Optional<Exemplars>> instead = new HashMap<>();
        for (String name : classes) {
            List<Exemplars> old = earlier.getOrDefault(name, List.of());
            int[] own = learnt.getOrDefault(name, new int[0]);
            int[] allotted = allotted(
                    IntStream.concat(old.stream().mapToInt(Exemplars::images), IntStream.of(own.length))
                            .toArray(),
                    share);
            for (int i = 0; i < old.size(); i++) {
                if (allotted[i] < old.get(i).images()) {
                    String file = name(before.next(), instead.size() + added.size());
                    byte[] pixels = Arrays.copyOf(pixels(before, old.get(i)), allotted[i] * imageBytes);
                    instead.put(old.get(i).file(), write(name, file, pixels));
                }
            }
            int[] chosen = own.clone();
            SplitMix64.of(setup.seed(), PURPOSE, before.next(), added.size()).shuffle(chosen);
            byte[] pixels = pixels(images, Arrays.copyOf(chosen, allotted[old.size()]));
            write(name, name(before.next(), instead.size() + added.size()), pixels)
                    .ifPresent(added::add);
        }
        return new Kept(added, instead);
    }

    private static String name(int version, int number) {
        return "exemplars-" + version + "-" + number + ".safetensors";
    }

    /** How many images of each file stay: of all alike, but no more than there are. */
    private int[] allotted(int[] images, long bytes) {
        int files = (int) Arrays.stream(images).filter(count -> count > 0).count();
        long room = Math.clamp(bytes - (long) files * HEADER, 0, MOST_BYTES) / imageBytes;
        int[] order = IntStream.range(0, images.length)
                .boxed()
                .sorted(Comparator.comparingInt(i -> images[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        int[] allotted = new int[images.length];
        for (int i = 0; i < order.length; i++) {
            allotted[order[i]] = (int) Math.min(images[order[i]], room / (order.length - i));
            room -= allotted[order[i]];
        }
        return allotted;
    }

    /** Empty where there is nothing to write. */
    private Optional<Exemplars> write(String className, String file, byte[] pixels) throws IOException {
        if (pixels.length == 0) {
            return Optional.empty();
        }
        int images = pixels.length / imageBytes;
        SafetensorsWriter to = new SafetensorsWriter();
        to.add(IMAGES, Safetensors.Type.U8, shape(images), MemorySegment.ofArray(pixels));
        AtomicFile.write(folder.resolve(file), to::writeTo);
        return Optional.of(new Exemplars(className, file, images));
    }

    private Shape shape(int images) {
        Shape one = setup.input();
        return Shape.of(images, one.extent(0), one.extent(1), one.extent(2));
    }

    private byte[] pixels(Images images, int[] indices) {
        byte[] pixels = new byte[Math.multiplyExact(indices.length, imageBytes)];
        float[] levels = new float[imageBytes];
        for (int i = 0; i < indices.length; i++) {
            images.readPixels(indices[i], 0, 0, false, levels);
            for (int p = 0; p < imageBytes; p++) {
                pixels[i * imageBytes + p] = (byte) levels[p];
            }
        }
        return pixels;
    }

    private byte[] pixels(Manifest manifest, Exemplars kept) throws IOException {
        Safetensors file = manifest.read(folder, kept.file());
        if (!file.contains(IMAGES)
                || !file.shape(IMAGES).equals(shape(kept.images()))
                || file.tensor(IMAGES).type() != Safetensors.Type.U8) {
            throw new IOException(file.source() + " does not hold the " + kept.images() + " images of "
                    + kept.className() + " that " + Manifest.FILE + " says: restore the file from a copy, or forget"
                    + " the class and teach it again");
        }
        return file.bytes(IMAGES);
    }

    /**
     * What a network is trained on.
     *
     * @param images of the lesson, and after them those that were kept
     * @param classNames of the labels
     * @param rehearsed classes of those that were kept
     */
    record Rehearsal(Images images, List<String> classNames, List<String> rehearsed) {}

    /**
     * Adds the images that are kept to those of a lesson.
     *
     * @param manifest whose current version keeps them
     * @param images of the lesson
     * @param classNames of their labels
     */
    Rehearsal rehearsal(Manifest manifest, Images images, List<String> classNames) throws IOException {
        List<Images> all = new ArrayList<>(List.of(images));
        List<String> names = new ArrayList<>(classNames);
        Set<String> rehearsed = new TreeSet<>();
        for (Exemplars kept : manifest.exemplars(manifest.current())) {
            if (rehearsed.add(kept.className()) && !names.contains(kept.className())) {
                names.add(kept.className());
            }
            int[] labels = new int[kept.images()];
            Arrays.fill(labels, names.indexOf(kept.className()));
            Shape shape = setup.input();
            all.add(Images.of(shape.extent(0), shape.extent(1), shape.extent(2), pixels(manifest, kept), labels));
        }
        return new Rehearsal(rehearsed.isEmpty() ? images : Images.joined(all), names, List.copyOf(rehearsed));
    }
}
