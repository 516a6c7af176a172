package dev.palimpsest.data;

/** Image files of the user's, of any size, in a folder that must be named. */
sealed interface OwnImages extends Source permits ImageFolder, ImageList {
    @Override
    default String licence() {
        return "that of your files";
    }

    @Override
    default boolean needsFolder() {
        return true;
    }

    @Override
    default boolean takesOptions() {
        return true;
    }
}
