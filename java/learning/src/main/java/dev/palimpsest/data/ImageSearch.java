package dev.palimpsest.data;

import dev.palimpsest.internal.Reason;
import java.io.IOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Finds image files in a folder and all folders below it, through links, by the ends of their names. Hidden names and
 * __MACOSX are skipped: they are what editors, notebooks and archives leave. What is no image is kept by its ending,
 * so that it can be reported. Used by one thread.
 */
final class ImageSearch {
    /** What the sentences about folders without images call the files that are looked for. */
    static final String ENDINGS = ".png, .jpg, .jpeg, .webp, .gif, .bmp, .tif or .tiff";

    private static final System.Logger LOG = System.getLogger(ImageSearch.class.getName());
    private static final Set<String> IMAGES = Set.of(ENDINGS.split(", | or "));
    /** A folder's own files come before those of the folders in it, as torchvision's ImageFolder has them. */
    private static final Comparator<Path> ORDER =
            Comparator.comparing(ImageSearch::parent).thenComparing(Path::getFileName);

    private final SortedMap<String, List<Path>> others = new TreeMap<>();

    /**
     * The image files below a folder, a folder's own before those of its folders, in the order of their names.
     *
     * @throws DataException if a folder cannot be listed, contains itself, or a name cannot be decoded
     */
    List<Path> below(Path folder) {
        List<Path> images = new ArrayList<>();
        try {
            Files.walkFileTree(
                    folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes) {
                            return path.equals(folder) || isVisible(path)
                                    ? FileVisitResult.CONTINUE
                                    : FileVisitResult.SKIP_SUBTREE;
                        }

                        @Override
                        public FileVisitResult visitFile(Path path, BasicFileAttributes attributes) {
                            if (isVisible(path)) {
                                requireDecoded(path);
                                take(path, images);
                            }
                            return FileVisitResult.CONTINUE;
                        }
                    });
        } catch (FileSystemLoopException e) {
            throw new DataException(e.getFile() + " is a link to a folder that it lies in: remove it", e);
        } catch (IOException e) {
            throw cannotList(folder, e);
        }
        images.sort(ORDER);
        return images;
    }

    private void take(Path file, List<Path> images) {
        String ending = ending(file);
        if (IMAGES.contains(ending)) {
            images.add(file);
        } else {
            others.computeIfAbsent(ending, key -> new ArrayList<>()).add(file);
        }
    }

    /** Everything of a folder that is not hidden, sorted. */
    static List<Path> list(Path folder) {
        if (Files.exists(folder) && !Files.isDirectory(folder)) { // the JDK waits at a pipe for somebody who writes
            throw cannotList(folder, new NotDirectoryException(folder.toString()));
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> visible = files.filter(ImageSearch::isVisible).sorted().toList();
            visible.forEach(ImageSearch::requireDecoded);
            return visible;
        } catch (IOException e) {
            throw cannotList(folder, e);
        }
    }

    /** Keeps a file that is in no folder of a class. */
    void outside(Path file) {
        others.computeIfAbsent("outside of the folders of classes", key -> new ArrayList<>())
                .add(file);
    }

    /** What was found besides images: "2 .heic (such as photos/a.heic), 1 .txt (…)"; empty if there was nothing. */
    String others() {
        List<String> kinds = new ArrayList<>();
        others.forEach((kind, files) -> kinds.add(String.format(
                Locale.ROOT,
                "%,d %s (%s%s)",
                files.size(),
                kind,
                files.size() > 1 ? "such as " : "",
                files.stream().min(ORDER).orElseThrow())));
        return String.join(", ", kinds);
    }

    /** Says what a folder holds that is not taken. */
    void report(Path folder) {
        if (!others.isEmpty()) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "not taken from {0}: {1}; images are files that end in {2}",
                    folder,
                    others(),
                    ENDINGS);
        }
    }

    private static Path parent(Path file) {
        Path parent = file.getParent();
        return parent == null ? Path.of("") : parent;
    }

    private static String ending(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        int dot = name.lastIndexOf('.');
        return dot < 0 ? "without an ending" : name.substring(dot);
    }

    private static boolean isVisible(Path path) {
        String name = path.getFileName().toString();
        return !name.startsWith(".") && !name.equals("__MACOSX");
    }

    /**
     * Where the locale's character set does not have a name's bytes, several names may be decoded to the same text.
     */
    private static void requireDecoded(Path path) {
        boolean decoded;
        try {
            decoded = path.getFileSystem().getPath(path.toString()).equals(path);
        } catch (InvalidPathException e) {
            decoded = false;
        }
        if (!decoded) {
            String encoding = System.getProperty("sun.jnu.encoding");
            throw new DataException(parent(path) + " holds a name that is not text in the character set "
                    + encoding + " of this process, "
                    + path.getFileName().toUri().getRawPath().replaceFirst(".*/(?=.)", "")
                    + " with its bytes as %: "
                    + ("UTF-8".equals(encoding) ? "rename it" : "start with LC_ALL=C.UTF-8, or rename it"));
        }
    }

    private static DataException cannotList(Path folder, IOException e) {
        return new DataException(folder + " cannot be listed (" + Reason.of(e) + "): " + Reason.remedy(e), e);
    }
}
