package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.lang.management.MemoryUsage;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutOfMemoryTest {
    private static final MemoryUsage HEAP = new MemoryUsage(0, 250 << 20, 256 << 20, 256 << 20);

    @TempDir
    private Path temporary;

    @Test
    void whatIsUsedUpIsSaidWithWhoAskedAndTheOption() {
        assertEquals(
                "The Java heap of 256 MB is used up; the last that was asked for is for images that are read: take"
                        + " fewer, or smaller ones with --image-size; or allow it more with JAVA_OPTS=-Xmx512m.",
                OutOfMemory.sentence(error("Java heap space", "java.util.Arrays", "dev.palimpsest.data.Images"), HEAP));
        assertEquals(
                "The memory outside the Java heap is used up (1,000 of 1,024 MB; 33 MB more were asked for); the last"
                    + " that was asked for is for a batch in the network: take fewer images at a time with --batch; or"
                    + " allow it more with JAVA_OPTS=-XX:MaxDirectMemorySize=2048m.",
                OutOfMemory.sentence(
                        error(
                                "Cannot reserve 34000000 bytes of direct buffer memory (allocated: 1048576000, limit:"
                                        + " 1073741824)",
                                "dev.palimpsest.tensor.Tensor",
                                "dev.palimpsest.engine.onednn.Workspace",
                                "dev.palimpsest.data.Images"),
                        HEAP));
        assertTrue(OutOfMemory.sentence(error("unable to create native thread: possibly out of memory"), HEAP)
                .contains("--threads or --jobs"));
        assertTrue(OutOfMemory.sentence(error("Java heap space"), HEAP)
                .startsWith("The Java heap of 256 MB is used up: take fewer or smaller images"));
    }

    /** The JDK's own words for it. */
    @Test
    void whatThisJavaSaysIsUnderstood() {
        try (Arena arena = Arena.ofConfined()) {
            arena.allocate(1L << 46);
        } catch (OutOfMemoryError e) {
            String sentence = OutOfMemory.sentence(e);
            assertTrue(
                    sentence.startsWith("The system has no 67,108,864 MB of memory left")
                            || sentence.startsWith("The memory outside the Java heap is used up ("),
                    sentence);
        }
    }

    @Test
    void everyCommandEndsWithOneSentence() throws IOException {
        Runner full = (recipe, progress) -> {
            throw new CompletionException(error("Java heap space", "dev.palimpsest.method.Teachers"));
        };
        Runner bare = (recipe, progress) -> {
            throw error("Java heap space", "dev.palimpsest.method.Teachers");
        };
        int number = 0;
        for (Runner runner : List.of(full, bare)) {
            StringWriter err = new StringWriter();
            String folder = "run" + number++;
            int code = Palimpsest.commandLine(runner, (name, alone) -> new Silent(), List.of())
                    .setOut(new PrintWriter(new StringWriter()))
                    .setErr(new PrintWriter(err, true))
                    .execute(
                            "train",
                            "m2kd-digits",
                            "--out",
                            temporary.resolve(folder).toString());
            assertEquals(1, code);
            assertEquals(1, err.toString().lines().count(), err.toString());
            assertTrue(err.toString().contains(" MB is used up; the last that was asked for is for teachers"));
            assertEquals(
                    err.toString().strip(),
                    new ObjectMapper()
                            .readTree(temporary
                                    .resolve(folder)
                                    .resolve("run.json")
                                    .toFile())
                            .get("reason")
                            .asText());
        }
        StringWriter err = new StringWriter();
        Palimpsest.commandLine(null, null, List.of(() -> {
                    throw error("Java heap space");
                }))
                .setErr(new PrintWriter(err, true))
                .execute("doctor");
        assertTrue(err.toString().startsWith("The Java heap of "), err.toString());
        assertFalse(err.toString().contains("\tat "), err.toString());
    }

    private static OutOfMemoryError error(String message, String... classes) {
        OutOfMemoryError error = new OutOfMemoryError(message);
        StackTraceElement[] frames = new StackTraceElement[classes.length];
        for (int i = 0; i < classes.length; i++) {
            frames[i] = new StackTraceElement(classes[i], "method", "File.java", 1);
        }
        error.setStackTrace(frames);
        return error;
    }

    private static final class Silent implements Display.Watch, Progress {
        @Override
        public void close() {}
    }
}
