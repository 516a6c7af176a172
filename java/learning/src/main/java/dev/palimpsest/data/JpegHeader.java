package dev.palimpsest.data;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What the markers before the image data of a JPEG file say.
 *
 * @param components of a pixel; 0 if the file is no JPEG, or damaged before they are named
 * @param ycck whether four components are YCbCr and K, not CMYK
 * @param profiles where the numbers of the markers stand whose segments hold a colour profile
 * @param exif the TIFF structure of the first Exif segment; empty if there is none
 */
record JpegHeader(int components, boolean ycck, List<Integer> profiles, ByteBuffer exif) {
    private static final int START = 0xffd8;
    private static final int APP1 = 0xe1;
    private static final int APP2 = 0xe2;
    private static final int APP14 = 0xee;
    /** No decoder knows what this stands for. */
    private static final byte APP15 = (byte) 0xef;

    private static final byte[] PROFILE = {'I', 'C', 'C', '_', 'P', 'R', 'O', 'F', 'I', 'L', 'E', 0};
    private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};
    private static final byte[] ADOBE = {'A', 'd', 'o', 'b', 'e'};
    private static final int ADOBE_TRANSFORM = 11;
    private static final int YCCK = 2;

    /** Reads as far as there are whole segments; what is damaged further on is the decoder's matter. */
    static JpegHeader of(byte[] file) {
        ByteBuffer bytes = ByteBuffer.wrap(file);
        ByteBuffer exif = ByteBuffer.allocate(0);
        List<Integer> profiles = new ArrayList<>();
        boolean ycck = false;
        if (file.length < 4 || bytes.getChar() != START) {
            return new JpegHeader(0, false, profiles, exif);
        }
        while (bytes.remaining() >= 4) {
            if (bytes.get() != (byte) 0xff) {
                break;
            }
            int marker = Byte.toUnsignedInt(bytes.get());
            if (marker == 0xff) { // fill
                bytes.position(bytes.position() - 1);
                continue;
            }
            int length = bytes.getChar() - Character.BYTES;
            if (length < 0 || length > bytes.remaining()) {
                break;
            }
            ByteBuffer segment = bytes.slice(bytes.position(), length);
            bytes.position(bytes.position() + length);
            if (marker == APP1 && startsWith(segment, EXIF) && !exif.hasRemaining()) {
                exif = segment.slice(EXIF.length, length - EXIF.length);
            } else if (marker == APP2 && startsWith(segment, PROFILE)) {
                profiles.add(bytes.position() - length - 3);
            } else if (marker == APP14 && startsWith(segment, ADOBE) && length > ADOBE_TRANSFORM) {
                ycck = segment.get(ADOBE_TRANSFORM) == YCCK;
            } else if (isFrame(marker) && length > 5) {
                return new JpegHeader(segment.get(5), ycck, profiles, exif);
            }
        }
        return new JpegHeader(0, ycck, profiles, exif);
    }

    /** The file whose colour profile no decoder finds, so that none converts. */
    static byte[] withoutProfile(byte[] file) {
        byte[] plain = file.clone();
        of(file).profiles.forEach(at -> plain[at] = APP15);
        return plain;
    }

    /** SOF0 to SOF15, without the tables between them. */
    private static boolean isFrame(int marker) {
        return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    }

    private static boolean startsWith(ByteBuffer segment, byte[] start) {
        byte[] found = new byte[Math.min(start.length, segment.remaining())];
        segment.get(0, found);
        return Arrays.equals(found, start);
    }
}
