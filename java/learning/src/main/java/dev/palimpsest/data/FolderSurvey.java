package dev.palimpsest.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What is in a folder of one's own images, before they are read: what a size, a network and a split can be chosen by.
 *
 * @param classNames of the folders of classes, sorted
 * @param images how many training images there are; where the folder is not divided, how many images
 * @param side the median of the images' shorter sides in pixels, over 100 of them that can be read
 */
public record FolderSurvey(List<String> classNames, int images, int side) {
    private static final int LOOKED_AT = 100;

    /** Copies the names. */
    public FolderSurvey {
        classNames = List.copyOf(classNames);
    }

    /**
     * Looks at a folder that the data set image-folder can be.
     *
     * @param folder with train and test (or val), or with folders of classes
     * @return what is in it
     * @throws DataException if it has no classes, a class has no image, or none of those looked at can be read
     */
    public static FolderSurvey of(Path folder) {
        Path train = ImageFolder.train(folder);
        List<String> names = ImageFolder.classes(train);
        List<ImageFiles.Labelled> files = ImageFolder.files(train, names);
        List<Integer> sides = new ArrayList<>();
        for (int i = 0; i < Math.min(LOOKED_AT, files.size()); i++) {
            // Spread over all classes.
            Path file = files.get((int) ((long) i * files.size() / Math.min(LOOKED_AT, files.size())))
                    .file();
            try {
                sides.add(Picture.shorterSide(HashedFile.image(file)));
            } catch (IOException e) {
                // Named with all others when the images are read.
            }
        }
        if (sides.isEmpty()) {
            throw new DataException(train + " has no image that can be read: put " + Picture.KINDS + " files there");
        }
        sides.sort(null);
        return new FolderSurvey(names, files.size(), sides.get(sides.size() / 2));
    }
}
