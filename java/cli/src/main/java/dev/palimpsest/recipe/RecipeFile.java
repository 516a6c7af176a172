package dev.palimpsest.recipe;

import dev.palimpsest.internal.Nearest;
import dev.palimpsest.internal.TextFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A recipe as text: lines {@code option = value}, and comments that start with #. Some come with the library; any file
 * will do.
 *
 * @param name without folder and ending
 * @param summary the first comment line
 * @param texts what the file sets, by option name
 */
public record RecipeFile(String name, String summary, SequencedMap<String, String> texts) {
    private static final String ENDING = ".properties";
    private static final List<String> BUILT_IN = List.of(
            "m2kd-digits",
            "m2kd-digits-exemplar-free",
            "m2kd-fashion",
            "m2kd-fashion-exemplar-free",
            "m2kd-glyphs",
            "m2kd-glyphs-exemplar-free",
            "m2kd-cifar100",
            "m2kd-cifar100-exemplar-free",
            "m2kd-imagenet100",
            "mlkd-digits",
            "mlkd-glyphs",
            "mlkd-clvision");

    /** Names of the recipes that come with the library. */
    public static List<String> builtIn() {
        return BUILT_IN;
    }

    /**
     * A recipe of the library by name, or a file by its path.
     *
     * @throws IllegalArgumentException with a sentence, if there is no such recipe or it has a line that cannot be
     */
    public static RecipeFile load(String nameOrPath) throws IOException {
        if (BUILT_IN.contains(nameOrPath)) {
            try (InputStream in =
                    RecipeFile.class.getResourceAsStream("/dev/palimpsest/recipes/" + nameOrPath + ENDING)) {
                return parse(nameOrPath, new String(in.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
        Path file = Path.of(nameOrPath);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("There is no recipe " + nameOrPath + ", neither a file nor one of "
                    + String.join(", ", BUILT_IN) + Nearest.suggestion(nameOrPath, BUILT_IN));
        }
        String fileName = file.getFileName().toString();
        String name = fileName.endsWith(ENDING) ? fileName.substring(0, fileName.length() - ENDING.length()) : fileName;
        String text = TextFile.read(file);
        if (text.isBlank()) { // rather a file that was lost than a wish for every default
            throw new IllegalArgumentException(file + " is empty: expected a recipe, lines \"option = value\"");
        }
        return parse(name, text);
    }

    /** The recipe with every option, unset ones at their defaults. */
    public Recipe recipe() {
        return Recipe.of(texts);
    }

    /**
     * A path of a recipe, relative to the working directory; absolute, so that a run's record holds anywhere.
     *
     * @throws IllegalArgumentException with a clause, if the text can be no path
     */
    static Optional<Path> place(String text) {
        try {
            return text.isEmpty() ? Optional.empty() : Optional.of(Path.of(text).toAbsolutePath());
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("expected a path, found a text with a NUL", e);
        }
    }

    static RecipeFile parse(String name, String text) {
        SequencedMap<String, String> texts = new LinkedHashMap<>();
        String summary = "";
        int number = 0;
        for (String line : text.lines().map(String::strip).toList()) {
            number++;
            if (line.startsWith("#")) {
                summary = summary.isEmpty() ? line.substring(1).strip() : summary;
            } else if (!line.isEmpty()) {
                int equals = line.indexOf('=');
                String key = equals < 0 ? "" : line.substring(0, equals).strip();
                if (key.isEmpty()) {
                    throw new IllegalArgumentException(
                            "recipe " + name + ", line " + number + ": expected option = value, found " + line);
                }
                if (!RecipeOptions.names().contains(key)) {
                    throw new IllegalArgumentException("recipe " + name + ", line " + number + ": " + key
                            + " is not an option" + Nearest.suggestion(key, RecipeOptions.names()));
                }
                if (texts.put(key, line.substring(equals + 1).strip()) != null) {
                    throw new IllegalArgumentException(
                            "recipe " + name + ", line " + number + ": " + key + " is set twice");
                }
            }
        }
        return new RecipeFile(name, summary, texts);
    }
}
