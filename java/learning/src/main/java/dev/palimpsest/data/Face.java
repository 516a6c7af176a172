package dev.palimpsest.data;

import dev.palimpsest.internal.Reason;
import java.awt.Font;
import java.awt.FontFormatException;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A typeface: one font of a font file.
 *
 * @param family its name without words for weight, width, slope and optical size, so that all faces of one design
 *     share it
 * @param sha256 of its file
 */
record Face(Font font, String name, String family, Path file, String sha256) {
    private static final Pattern FONT_FILE = Pattern.compile("(?i).*\\.(ttf|otf|ttc|otc)");
    private static final Pattern STYLE =
            Pattern.compile("(?i)[ -]((extra|ultra|semi|demi)[ -]?)?(thin|hairline|light|book|regular|"
                    + "medium|text|display|caption|retina|extra|bold|demi|heavy|black|condensed|cond|narrow|compressed|"
                    + "expanded|extended|italic|oblique|slanted)$");

    /** What the folders hold. */
    record Found(List<Face> faces, List<Path> unreadable) {}

    /** Faces in the order of family, name and file. Folders that do not exist hold nothing. */
    static Found under(List<Path> folders) {
        List<Face> faces = new ArrayList<>();
        List<Path> unreadable = new ArrayList<>();
        for (Path file : folders.stream()
                .filter(Files::isDirectory)
                .flatMap(folder -> files(folder).stream())
                .distinct()
                .toList()) {
            try {
                String sha256 = HashedFile.sha256(HashedFile.bytes(file));
                for (Font font : Font.createFonts(file.toFile())) {
                    faces.add(new Face(
                            font,
                            font.getFontName(Locale.ROOT),
                            withoutStyle(font.getFamily(Locale.ROOT)),
                            file,
                            sha256));
                }
            } catch (FontFormatException | IOException | RuntimeException e) {
                unreadable.add(file);
            }
        }
        faces.sort(Comparator.comparing(Face::family)
                .thenComparing(Face::name)
                .thenComparing(face -> face.file().toString()));
        return new Found(faces, unreadable);
    }

    static String withoutStyle(String name) {
        String family = name.strip();
        for (String shorter = STYLE.matcher(family).replaceFirst("");
                !shorter.equals(family);
                shorter = STYLE.matcher(family).replaceFirst("")) {
            family = shorter;
        }
        return family;
    }

    private static List<Path> files(Path folder) {
        try (Stream<Path> files = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            return files.filter(file ->
                            FONT_FILE.matcher(file.getFileName().toString()).matches())
                    .filter(Files::isRegularFile)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new DataException(folder + " cannot be listed (" + Reason.of(e) + "): check that you may read it", e);
        }
    }
}
