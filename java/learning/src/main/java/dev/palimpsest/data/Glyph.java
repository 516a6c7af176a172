package dev.palimpsest.data;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.font.FontRenderContext;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.util.Optional;

/**
 * One character of one face, white on black, one byte a pixel.
 *
 * @param ink sum of all pixels
 */
record Glyph(byte[] pixels, long ink) {
    /**
     * Of an image's height: capital letters are half as high and stand on three quarters, which leaves room for
     * accents and descenders.
     */
    private static final double CAPITAL = 0.5;

    private static final double BASELINE = 0.75;

    /** Glyphs whose difference is at most this share of their ink are the same to a reader. */
    private static final double NEAR = 0.05;

    private static final FontRenderContext EXACT = new FontRenderContext(null, true, true);

    /**
     * Renders a character, or nothing where the face lacks it or draws nothing for it. All characters of a face are
     * equally large, except those too large.
     */
    static Optional<Glyph> render(Font face, String character, int size) {
        Font font = face.deriveFont(100f);
        if (!font.canDisplay(character.codePointAt(0)) || !font.canDisplay('H')) {
            return Optional.empty();
        }
        Rectangle2D capital = outline(font, "H").getBounds2D();
        Shape outline = outline(font, character);
        Rectangle2D bounds = outline.getBounds2D();
        if (bounds.isEmpty() || capital.isEmpty()) {
            return Optional.empty();
        }
        double baseline = BASELINE * size;
        double scale = CAPITAL * size / capital.getHeight();
        scale = Math.min(scale, (size - 2) / bounds.getWidth());
        scale = bounds.getMinY() < 0 ? Math.min(scale, (baseline - 1) / -bounds.getMinY()) : scale;
        scale = bounds.getMaxY() > 0 ? Math.min(scale, (size - 1 - baseline) / bounds.getMaxY()) : scale;
        AffineTransform place = AffineTransform.getTranslateInstance(size / 2.0, baseline);
        place.scale(scale, scale);
        place.translate(-bounds.getCenterX(), 0);
        BufferedImage image = new BufferedImage(size, size, BufferedImage.TYPE_BYTE_GRAY);
        Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        graphics.setColor(Color.WHITE);
        graphics.fill(place.createTransformedShape(outline));
        graphics.dispose();
        byte[] pixels = ((DataBufferByte) image.getRaster().getDataBuffer()).getData();
        long ink = 0;
        for (byte pixel : pixels) {
            ink += Byte.toUnsignedInt(pixel);
        }
        return ink == 0 ? Optional.empty() : Optional.of(new Glyph(pixels, ink));
    }

    private static Shape outline(Font font, String text) {
        return font.createGlyphVector(EXACT, text).getOutline();
    }

    boolean isNear(Glyph other) {
        double allowed = NEAR * Math.max(ink, other.ink);
        if (Math.abs(ink - other.ink) > allowed) {
            return false;
        }
        long difference = 0;
        for (int i = 0; i < pixels.length && difference <= allowed; i++) {
            difference += Math.abs(Byte.toUnsignedInt(pixels[i]) - Byte.toUnsignedInt(other.pixels[i]));
        }
        return difference <= allowed;
    }
}
