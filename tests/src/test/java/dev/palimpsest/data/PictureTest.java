package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

/**
 * Against Pillow 12.3: beside every picture stands what {@code ImageOps.exif_transpose(…).convert("RGB")} makes of it,
 * height and width as two bytes each, then the rows. Grey of 16 bits is shifted by 8 there instead.
 */
class PictureTest {
    private static final Path PICTURES = Path.of("src/test/resources/dev/palimpsest/data/pictures");
    /** libwebp interpolates between samples of colour and the reader does not, on a steep ramp: 8 levels per pixel. */
    private static final int LOSSY_WEBP = 12;
    /** Grey, so that only the rounding of the colours' conversion is left. */
    private static final int GREY_WEBP = 2;

    @Test
    void everyKindIsReadAsPillowReadsIt() throws IOException {
        List<Path> references;
        try (Stream<Path> files = Files.list(PICTURES)) {
            references = files.filter(file -> file.toString().endsWith(".rgb"))
                    .sorted()
                    .toList();
        }
        assertEquals(42, references.size());
        for (Path reference : references) {
            String name = reference.getFileName().toString().replaceFirst("\\.rgb$", "");
            ByteBuffer expected = ByteBuffer.wrap(Files.readAllBytes(reference));
            Picture picture = Picture.decode(Files.readAllBytes(PICTURES.resolve(name)));
            assertEquals(expected.getChar(), picture.height(), name);
            assertEquals(expected.getChar(), picture.width(), name);
            byte[] planes = picture.pixels();
            int area = picture.height() * picture.width();
            for (int i = 0; i < planes.length; i++) {
                int value = Byte.toUnsignedInt(planes[i % 3 * area + i / 3]);
                assertEquals(
                        Byte.toUnsignedInt(expected.get()),
                        value,
                        name.equals("lossy.webp") ? LOSSY_WEBP : name.equals("simplelossy.webp") ? GREY_WEBP : 0,
                        name + " at " + i);
            }
        }
    }

    /** libjpeg: JFIF means YCbCr, else the Adobe marker decides, else the names; what is unknown is YCbCr too. */
    @Test
    void whatTheComponentsOfAJpegAreIsDecidedAsLibjpegDecides() throws IOException {
        byte[] plain = Files.readAllBytes(PICTURES.resolve("no-jfif.jpg"));
        byte[] ycc = Picture.decode(plain).pixels();
        int[][] names = {{1, 2, 3}, {0, 1, 2}, {1, 4, 7}, {'r', 'g', 'b'}, {'Y', 'C', 'c'}};
        for (int[] name : names) {
            assertArrayEquals(ycc, Picture.decode(named(plain, name)).pixels(), Arrays.toString(name));
        }
        byte[] rgb = Picture.decode(named(plain, 'R', 'G', 'B')).pixels();
        assertFalse(Arrays.equals(ycc, rgb));
        for (int[] name : names) {
            byte[] file = named(plain, name);
            assertArrayEquals(rgb, Picture.decode(adobe(file, 0)).pixels());
            for (int transform : new int[] {1, 2, 3}) {
                assertArrayEquals(ycc, Picture.decode(adobe(file, transform)).pixels());
            }
            assertArrayEquals(ycc, Picture.decode(jfif(adobe(file, 0))).pixels());
        }
        byte[] inks = Files.readAllBytes(PICTURES.resolve("ycck.jpg"));
        byte[] other = inks.clone();
        other[new String(inks, StandardCharsets.ISO_8859_1).indexOf("Adobe") + 11] = 1;
        assertArrayEquals(Picture.decode(inks).pixels(), Picture.decode(other).pixels());
    }

    /** The file with other names of its components, in the frame's header and in that of the only scan. */
    private static byte[] named(byte[] jpeg, int... names) {
        byte[] changed = jpeg.clone();
        String text = new String(jpeg, StandardCharsets.ISO_8859_1);
        int frame = text.indexOf("\u00ff\u00c0");
        int scan = text.indexOf("\u00ff\u00da");
        for (int i = 0; i < names.length; i++) {
            changed[frame + 10 + 3 * i] = (byte) names[i];
            changed[scan + 5 + 2 * i] = (byte) names[i];
        }
        return changed;
    }

    private static byte[] adobe(byte[] jpeg, int transform) {
        byte[] marker = {(byte) 0xff, (byte) 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, (byte) transform
        };
        return first(marker, jpeg);
    }

    private static byte[] jfif(byte[] jpeg) {
        return first(
                new byte[] {(byte) 0xff, (byte) 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0}, jpeg);
    }

    private static byte[] first(byte[] marker, byte[] jpeg) {
        return ByteBuffer.allocate(jpeg.length + marker.length)
                .put(jpeg, 0, 2)
                .put(marker)
                .put(jpeg, 2, jpeg.length - 2)
                .array();
    }

    /** A TIFF file of one row: nothing says what is black and what is white in such numbers. */
    @Test
    void measurementsAreNoPictures() {
        for (int[] samples : new int[][] {{32, 3}, {32, 1}, {16, 2}}) {
            ByteBuffer tiff = ByteBuffer.allocate(160).order(ByteOrder.LITTLE_ENDIAN);
            int[][] tags = {
                {256, 2},
                {257, 1},
                {258, samples[0]},
                {259, 1},
                {262, 1},
                {273, 134},
                {277, 1},
                {278, 1},
                {279, 8},
                {339, samples[1]}
            };
            tiff.put("II*\0".getBytes()).putInt(8).putShort((short) tags.length);
            for (int[] tag : tags) {
                tiff.putShort((short) tag[0]).putShort((short) 3).putInt(1).putInt(tag[1]);
            }
            tiff.putInt(0).putFloat(134, 0.5f);
            assertTrue(assertThrows(IOException.class, () -> Picture.decode(tiff.array()))
                    .getMessage()
                    .contains(" numbers of " + samples[0] + " bits: expected unsigned ones of at most 16"));
        }
    }

    @Test
    void everyKindThatIsCutOffIsRefused() throws IOException {
        for (String name :
                List.of("alpha.png", "turned6.jpg", "cmyk.jpg", "alpha.webp", "moving.gif", "rgb.bmp", "rgb.tiff")) {
            byte[] whole = Files.readAllBytes(PICTURES.resolve(name));
            assertThrows(IOException.class, () -> Picture.decode(Arrays.copyOf(whole, whole.length / 2)), name);
        }
    }

    @Test
    void headersOfTooManyPixelsAreRefusedBeforeAnythingIsAllocated() {
        ByteBuffer gif = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        gif.put("GIF89a".getBytes())
                .putShort((short) 60000)
                .putShort((short) 60000)
                .put(new byte[3]);
        gif.put((byte) ',')
                .putInt(0)
                .putShort((short) 60000)
                .putShort((short) 60000)
                .put(new byte[] {0, 2, 1, 0});
        for (byte[] bomb : List.of(png(60000, 60000), png(1 << 30, 1 << 30), gif.array())) {
            String message =
                    assertThrows(IOException.class, () -> Picture.decode(bomb)).getMessage();
            assertTrue(
                    message.matches("its header says \\d+×\\d+ pixels, at most [\\d,]+ are read( in this heap)?"),
                    message);
        }
    }

    /** Pillow: a screen of the first colour, or of the transparent one, as large as the frame needs. */
    @Test
    void aFrameOfAGifStandsOnItsScreen() throws IOException {
        int red = 0xc00000;
        int green = 0x00b000;
        assertShown(
                gif(4, 3, 1, 1, -1),
                new int[][] {{red, red, red, red}, {red, green, 0x0000a0, red}, {red, 0x909090, green, red}});
        assertShown(gif(3, 2, 0, 0, 3), new int[][] {{green, 0x0000a0, 0x909090}, {0x909090, green, 0x909090}});
        assertShown(gif(1, 1, 0, 1, -1), new int[][] {{red, red}, {green, 0x0000a0}, {0x909090, green}});
        assertShown(gif(2, 2, 0, 0, 0), new int[][] {{green, 0x0000a0}, {0x909090, green}});
        assertEquals(3, Picture.shorterSide(gif(9, 3, 1, 1, -1)));
        String refused = assertThrows(IOException.class, () -> Picture.decode(gif(0xffff, 0xffff, 1, 1, -1)))
                .getMessage();
        assertTrue(refused.startsWith("its header says 65535×65535 pixels"), refused);
    }

    private static void assertShown(byte[] gif, int[][] rows) throws IOException {
        Picture picture = Picture.decode(gif);
        assertEquals(rows.length, picture.height());
        assertEquals(rows[0].length, picture.width());
        int area = rows.length * rows[0].length;
        for (int at = 0; at < area; at++) {
            int shown = 0;
            for (int c = 0; c < 3; c++) {
                shown = shown << 8 | picture.pixels()[c * area + at] & 0xff;
            }
            assertEquals(rows[at / rows[0].length][at % rows[0].length], shown, "pixel " + at);
        }
    }

    /** Two by two pixels with the colours 1 2 3 1. @param transparent index of a colour; -1: none */
    private static byte[] gif(int width, int height, int left, int top, int transparent) {
        ByteBuffer gif = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        gif.put("GIF89a".getBytes()).putShort((short) width).putShort((short) height);
        gif.put(new byte[] {(byte) 0x81, 0, 0});
        gif.put(new byte[] {
            (byte) 0xc0, 0, 0, 0, (byte) 0xb0, 0, 0, 0, (byte) 0xa0, (byte) 0x90, (byte) 0x90, (byte) 0x90
        });
        if (transparent >= 0) {
            gif.put(new byte[] {'!', (byte) 0xf9, 4, 1, 0, 0, (byte) transparent, 0});
        }
        gif.put((byte) ',').putShort((short) left).putShort((short) top);
        gif.putShort((short) 2).putShort((short) 2).put((byte) 0);
        // LZW of 2 bits: clear, 1, 2, clear, 3, 1, end, in three bits each, the lowest first
        int codes = 0;
        int[] sequence = {4, 1, 2, 4, 3, 1, 5};
        for (int i = 0; i < sequence.length; i++) {
            codes |= sequence[i] << 3 * i;
        }
        gif.put(new byte[] {2, 3, (byte) codes, (byte) (codes >> 8), (byte) (codes >> 16), 0, ';'});
        return Arrays.copyOf(gif.array(), gif.position());
    }

    /** A file that ends where the pixels should begin. */
    private static byte[] png(int width, int height) {
        ByteBuffer bytes = ByteBuffer.allocate(8 + 25 + 12);
        bytes.putLong(0x89504e470d0a1a0aL).putInt(13);
        byte[] header = ByteBuffer.allocate(17)
                .put("IHDR".getBytes())
                .putInt(width)
                .putInt(height)
                .put(new byte[] {8, 0, 0, 0, 0})
                .array();
        CRC32 crc = new CRC32();
        crc.update(header);
        return bytes.put(header)
                .putInt((int) crc.getValue())
                .putInt(0)
                .put("IDAT".getBytes())
                .array();
    }

    @Test
    void whatIsNoPictureIsNamed() {
        for (byte[] none : List.of(new byte[0], new byte[64], "version https://git-lfs".getBytes())) {
            assertEquals(
                    "it is no PNG, JPEG, WebP, GIF, BMP or TIFF file",
                    assertThrows(IOException.class, () -> Picture.decode(none)).getMessage());
        }
    }

    /** A file without an orientation, then the same with a damaged one. */
    @Test
    void damagedExifDataLeaveThePictureAsItIs() throws IOException {
        byte[] turned = Files.readAllBytes(PICTURES.resolve("turned6.jpg"));
        int exif = new String(turned, StandardCharsets.ISO_8859_1).indexOf("Exif");
        byte[] damaged = turned.clone();
        Arrays.fill(damaged, exif + 10, exif + 14, (byte) 0xff); // the directory's offset
        Picture picture = Picture.decode(damaged);
        assertEquals(24, picture.height());
        assertEquals(32, picture.width());
        assertEquals(32, Picture.decode(turned).height());
    }

    @Test
    void imagesInMemoryAreTakenAsTheyAreStored() throws IOException {
        for (int type : new int[] {
            BufferedImage.TYPE_INT_RGB,
            BufferedImage.TYPE_INT_ARGB,
            BufferedImage.TYPE_INT_ARGB_PRE,
            BufferedImage.TYPE_3BYTE_BGR,
            BufferedImage.TYPE_4BYTE_ABGR
        }) {
            BufferedImage image = new BufferedImage(3, 2, type);
            image.setRGB(2, 1, 0xffc8285a);
            byte[] pixels = Picture.of(image).pixels();
            assertArrayEquals(
                    new byte[] {(byte) 0xc8, 0x28, 0x5a}, new byte[] {pixels[5], pixels[11], pixels[17]}, "" + type);
            assertEquals(0, pixels[4]);
        }
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        assertTrue(ImageIO.write(new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB), "png", file));
        assertEquals(3, Picture.decode(file.toByteArray()).width());
    }
}
