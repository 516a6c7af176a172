package dev.palimpsest.data;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What the markers before the image data of a JPEG file say.
 *
 * @param names of the components; empty if the file is no JPEG, or damaged before they are named
 * @param jfif whether there is a JFIF marker before the frame
 * @param adobe what an Adobe marker says about the colours; -1 if there is none
 * @param profiles where the numbers of the markers stand whose segments hold a colour profile
 * @param exif the TIFF structure of the first Exif segment; empty if there is none
 */
record JpegHeader(List<Integer> names, boolean jfif, int adobe, List<Integer> profiles, ByteBuffer exif) {
    private static final int START = 0xffd8;
    private static final int APP0 = 0xe0;
    private static final int APP1 = 0xe1;
    private static final int APP2 = 0xe2;
    private static final int APP14 = 0xee;
    /** No decoder knows what this stands for. */
    private static final byte APP15 = (byte) 0xef;

    private static final byte[] PROFILE = {'I', 'C', 'C', '_', 'P', 'R', 'O', 'F', 'I', 'L', 'E', 0};
    private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};
    private static final byte[] JFIF = {'J', 'F', 'I', 'F', 0};
    private static final byte[] ADOBE = {'A', 'd', 'o', 'b', 'e'};
    private static final int ADOBE_TRANSFORM = 11;
    /** In a frame's segment: how many components there are, then three bytes for each, the first its name. */
    private static final int COMPONENTS = 5;

    private static final List<Integer> RGB = List.of((int) 'R', (int) 'G', (int) 'B');

    /** Reads as far as there are whole segments; what is damaged further on is the decoder's matter. */
    static JpegHeader of(byte[] file) {
        ByteBuffer bytes = ByteBuffer.wrap(file);
        ByteBuffer exif = ByteBuffer.allocate(0);
        List<Integer> profiles = new ArrayList<>();
        boolean jfif = false;
        int adobe = -1;
        if (file.length < 4 || bytes.getChar() != START) {
            return new JpegHeader(List.of(), false, adobe, profiles, exif);
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
                adobe = Byte.toUnsignedInt(segment.get(ADOBE_TRANSFORM));
            } else if (marker == APP0 && startsWith(segment, JFIF)) {
                jfif = true;
            } else if (isFrame(marker) && length > COMPONENTS) {
                List<Integer> names = new ArrayList<>();
                for (int at = COMPONENTS + 1; at < length && names.size() < segment.get(COMPONENTS); at += 3) {
                    names.add(Byte.toUnsignedInt(segment.get(at)));
                }
                return new JpegHeader(names, jfif, adobe, profiles, exif);
            }
        }
        return new JpegHeader(List.of(), jfif, adobe, profiles, exif);
    }

    /** Of a pixel; 0 if the file is no JPEG, or damaged before they are named. */
    int components() {
        return names.size();
    }

    /** Whether the first three components are YCbCr, by libjpeg's rules; else they are RGB or CMY. */
    boolean isLuminanceAndChrominance() {
        if (components() == 4) {
            return adobe > 0;
        }
        return jfif || (adobe < 0 ? !names.equals(RGB) : adobe != 0);
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
