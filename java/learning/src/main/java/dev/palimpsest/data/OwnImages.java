package dev.palimpsest.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Image files of the user's, in a folder that must be named. */
interface OwnImages extends Source {
    @Override
    default String licence() {
        return "that of your files";
    }

    @Override
    default List<Path> folders() {
        return List.of();
    }

    @Override
    default boolean needsFolder() {
        return true;
    }

    /**
     * The folder named.
     *
     * @throws IllegalArgumentException if there is none
     */
    default Path require(Optional<Path> folder) {
        return folder.orElseThrow(() -> new IllegalArgumentException(name() + " needs a folder: " + howToGet()));
    }
}
