package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** A data set of another jar: its class and a line in META-INF/services, and nothing here. */
class SourceTest {
    /** One bright and one dark image. */
    public static class Lamp implements Source {
        /** For {@link java.util.ServiceLoader}. */
        public Lamp() {}

        @Override
        public String name() {
            return "lamp";
        }

        @Override
        public String summary() {
            return "2 classes of a lamp, 1×1 grey, 2 training and 2 test images";
        }

        @Override
        public String licence() {
            return "CC0";
        }

        @Override
        public String howToGet() {
            return "It is made on the spot.";
        }

        @Override
        public Dataset load(Optional<Path> folder, ImageOptions options) {
            Images images = Images.of(1, 1, 1, new byte[] {0, (byte) 255}, new int[] {0, 1});
            return Dataset.of(name(), List.of("off", "on"), images, images);
        }
    }

    /** One that wants a folder. */
    public static final class LampFiles extends Lamp {
        /** For {@link java.util.ServiceLoader}. */
        public LampFiles() {}

        @Override
        public String name() {
            return "lamp-files";
        }

        @Override
        public boolean needsFolder() {
            return true;
        }
    }

    /** One whose name is taken. */
    public static final class Digits2 extends Lamp {
        /** For {@link java.util.ServiceLoader}. */
        public Digits2() {}

        @Override
        public String name() {
            return "digits";
        }
    }

    @TempDir
    private Path folder;

    @Test
    void aRegisteredDataSetIsLoadedByItsName() throws Throwable {
        assertFalse(Dataset.names().contains("lamp"));
        registered(
                () -> {
                    assertEquals("digits", Dataset.names().getFirst());
                    assertEquals("lamp", Dataset.names().getLast());
                    Dataset lamp = Dataset.load("lamp", Optional.empty());
                    assertEquals(List.of("off", "on"), lamp.classNames());
                    assertEquals(255, lamp.train().pixel(1, 0, 0, 0));
                },
                Lamp.class);
    }

    @Test
    void theCallerIsCheckedBeforeTheDataSetIsAsked() throws Throwable {
        registered(
                () -> {
                    ImageOptions options = new ImageOptions(9, 0, false);
                    assertEquals(
                            "lamp has images of its own size: leave out --image-size, --image-crop, --skip-damaged and"
                                    + " --test-share, which are for image-folder and image-list",
                            assertThrows(
                                            IllegalArgumentException.class,
                                            () -> Dataset.load("lamp", Optional.empty(), options))
                                    .getMessage());
                    assertEquals(
                            "lamp-files needs a folder: It is made on the spot.",
                            assertThrows(
                                            IllegalArgumentException.class,
                                            () -> Dataset.load("lamp-files", Optional.empty()))
                                    .getMessage());
                    assertEquals(
                            2, Dataset.load("lamp-files", Optional.of(folder)).classes());
                },
                Lamp.class,
                LampFiles.class);
    }

    @Test
    void aNameIsNotTakenTwice() throws Throwable {
        registered(
                () -> assertEquals(
                        "two data sets are called \"digits\": dev.palimpsest.data.Digits and " + Digits2.class.getName()
                                + "; take the jar of one of them off the path",
                        assertThrows(IllegalStateException.class, Dataset::names)
                                .getMessage()),
                Digits2.class);
    }

    /** With a class path that has these registrations too. */
    private void registered(Executable test, Class<?>... types) throws Throwable {
        Path file = folder.resolve("META-INF/services/" + Source.class.getName());
        Files.createDirectories(file.getParent());
        Files.write(file, List.of(types).stream().map(Class::getName).toList());
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader loader = loader(before)) {
            Thread.currentThread().setContextClassLoader(loader);
            test.execute();
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    private URLClassLoader loader(ClassLoader parent) throws IOException {
        return new URLClassLoader(new URL[] {folder.toUri().toURL()}, parent);
    }
}
