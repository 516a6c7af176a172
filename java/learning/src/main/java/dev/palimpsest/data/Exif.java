package dev.palimpsest.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Finds the Exif data of an image file, which is a TIFF structure, and in it how the camera was held. */
final class Exif {
    private static final int ORIENTATION = 0x0112;
    private static final int ENTRY = 12;
    private static final ByteBuffer NONE = ByteBuffer.allocate(0);

    private Exif() {}

    /** 1 to 8 as Exif numbers them; 1, upright, also where nothing is said or what is said is damaged. */
    static int orientation(byte[] file) {
        try {
            ByteBuffer tiff = tiff(file);
            tiff.order(tiff.getChar(0) == ('I' << 8 | 'I') ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
            int directory = tiff.getInt(4);
            int entries = tiff.getChar(directory);
            for (int i = 0, at = directory + Character.BYTES; i < entries; i++, at += ENTRY) {
                if (tiff.getChar(at) == ORIENTATION) {
                    int orientation = tiff.getChar(at + 8);
                    return orientation >= 1 && orientation <= 8 ? orientation : 1;
                }
            }
        } catch (IndexOutOfBoundsException e) {
            return 1; // cut off, or not there: that does not keep the pixels from being read
        }
        return 1;
    }

    static boolean isWebp(byte[] file) {
        return holds(file, 0, "RIFF") && holds(file, 8, "WEBP");
    }

    private static ByteBuffer tiff(byte[] file) {
        if (holds(file, 0, "II*\0") || holds(file, 0, "MM\0*")) {
            return ByteBuffer.wrap(file);
        }
        if (holds(file, 1, "PNG")) {
            return chunk(file, 8, "eXIf", true);
        }
        if (isWebp(file)) {
            ByteBuffer chunk = chunk(file, 12, "EXIF", false);
            boolean asInJpeg = chunk.remaining() > 6 && chunk.get(0) == 'E';
            return asInJpeg ? chunk.slice(6, chunk.remaining() - 6) : chunk;
        }
        return JpegHeader.of(file).exif();
    }

    /** PNG writes length, type, data, checksum; RIFF type, length, data, and a byte to make it even. */
    private static ByteBuffer chunk(byte[] file, int first, String type, boolean png) {
        ByteBuffer bytes = ByteBuffer.wrap(file).order(png ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        for (long at = first; at + 8 <= file.length; ) {
            int start = (int) at;
            long length = Integer.toUnsignedLong(bytes.getInt(png ? start : start + 4));
            if (holds(file, png ? start + 4 : start, type)) {
                return bytes.slice(start + 8, (int) Math.min(length, file.length - start - 8));
            }
            at += 8 + length + (png ? 4 : length % 2);
        }
        return NONE;
    }

    private static boolean holds(byte[] file, int at, String text) {
        byte[] wanted = text.getBytes(StandardCharsets.ISO_8859_1);
        for (int i = 0; i < wanted.length; i++) {
            if (at + i >= file.length || file[at + i] != wanted[i]) {
                return false;
            }
        }
        return true;
    }
}
