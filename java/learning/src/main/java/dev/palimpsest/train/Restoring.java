package dev.palimpsest.train;

import dev.palimpsest.tensor.Safetensors;
import java.io.IOException;
import java.io.UncheckedIOException;

/** A run's state on its way from a file back into the run. */
final class Restoring {
    private Restoring() {}

    /** Goes on with the content of a file. */
    interface Reading {
        void run() throws IOException;
    }

    /**
     * Takes over what a file has. Its checksums were right, but it may be of another run or made by another program.
     *
     * @param file that was kept
     * @param reading whatever goes on with its content; refuses what does not fit
     * @throws UncheckedIOException with a sentence that names the file, if something does not fit
     */
    static void from(Safetensors file, Reading reading) {
        try {
            reading.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        } catch (IllegalArgumentException | IllegalStateException | IndexOutOfBoundsException e) {
            // Anything but a sentence of our own comes from sizes and numbers that contradict one another.
            String own = e.getClass() == IllegalArgumentException.class
                    ? String.valueOf(e.getMessage())
                    : "its values contradict one another";
            String prefix = file.source() + ": ";
            String found = own.startsWith(prefix) ? own.substring(prefix.length()) : own;
            String sentence = file.source() + " does not fit the run: " + found
                    + "; remove the file to go on from the state before it, or restore it from a copy";
            throw new UncheckedIOException(sentence, new IOException(sentence, e));
        }
    }
}
