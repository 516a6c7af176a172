package dev.palimpsest.recipe;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.FolderSurvey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.stream.Stream;

/**
 * A recipe for a folder of one's own images, made from what is in it: size, network, split, number of epochs.
 *
 * @param name of the folder
 * @param summary one line for the user: what was chosen
 * @param data what fits these images alone; takes precedence over what a recipe for other images says
 * @param training how to train where no recipe says so
 */
public record OwnImagesRecipe(
        String name, String summary, SequencedMap<String, String> data, SequencedMap<String, String> training) {
    /** Photographs are brought to this side: a small residual network learns it in minutes on a processor. */
    private static final int LARGE = 64;

    private static final int SMALL = 32;
    /** Below it a residual network halves the image to nothing. */
    private static final int SMALLEST_FOR_RESNET = 16;

    /** About how many images an experience shows, over all epochs. */
    private static final int SHOWN = 15_000;

    /**
     * Whether the value of the option data is a folder of images, not the name of a data set.
     *
     * @param text as the user wrote it
     * @return whether it is a folder that is there
     */
    public static boolean isFolder(String text) {
        return !Dataset.names().contains(text)
                && RecipeFile.place(text).filter(Files::isDirectory).isPresent();
    }

    /**
     * Looks at a folder and chooses.
     *
     * @param folder with train and test (or val), or with folders of classes
     * @return what to train with
     * @throws dev.palimpsest.data.DataException if the folder is none that image-folder reads
     * @throws IllegalArgumentException if it has a single class
     */
    public static OwnImagesRecipe of(Path folder) {
        FolderSurvey found = FolderSurvey.of(folder);
        int classes = found.classNames().size();
        if (classes < 2) {
            throw new IllegalArgumentException(
                    folder + " has the single class " + found.classNames().getFirst()
                            + ": put the images of at least two classes there, each in a folder");
        }
        int side = found.side() >= LARGE ? LARGE : Math.min(found.side(), SMALL);
        boolean tiny = side < SMALLEST_FOR_RESNET;
        String split = split(classes);
        int experiences = Stream.of(split.split("[+]"))
                .mapToInt(part -> part.contains("x") ? Integer.parseInt(part.replaceFirst("x.*", "")) : 1)
                .sum();
        int epochs = Math.clamp((long) SHOWN * experiences / Math.max(1, found.images()), 10, 60);

        SequencedMap<String, String> data = new LinkedHashMap<>();
        data.put("data", "image-folder");
        data.put("data-folder", folder.toString());
        data.put("image-size", Integer.toString(side));
        data.put("split", split);
        data.put("augment", "crop-flip:" + Math.max(1, side / 8));
        data.put("network", tiny ? "digits-net" : "cifar-resnet");
        data.put("widths", "16,32,64");
        if (!tiny) {
            data.put("depth", "8");
            data.put("stem-stride", side == LARGE ? "2" : "1");
        }
        SequencedMap<String, String> training = new LinkedHashMap<>();
        training.put("method", "m2kd");
        training.put("epochs", Integer.toString(epochs));
        training.put("retrain-epochs", Integer.toString(Math.max(2, epochs / 4)));
        training.put("batch", "32");
        training.put("optimiser", "sgd");
        training.put("learning-rate", "0.1");
        training.put("momentum", "0.9");
        training.put("weight-decay", "5e-4");
        training.put("schedule", "cosine");
        training.put("cross-entropy", "all");
        training.put("exemplars", "10");
        training.put("selection", "herding");
        training.put("classifier", "nearest-mean");
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return new OwnImagesRecipe(
                name == null ? "images" : name.toString(),
                String.format(
                        Locale.ROOT,
                        "%,d images of %d classes in %s: the central square of each at %d×%d (their shorter sides are"
                                + " about %d), network %s, experiences %s.",
                        found.images(),
                        classes,
                        folder,
                        side,
                        side,
                        found.side(),
                        data.get("network"),
                        split),
                data,
                training);
    }

    /**
     * Pairs of classes, or about five experiences; the first one takes what is left over. Never one class first: what
     * a model of a single class says teaches nothing.
     */
    private static String split(int classes) {
        if (classes <= 3) {
            return classes == 2 ? "1x2" : "2+1";
        }
        int size = classes <= 10 ? 2 : (classes + 4) / 5;
        int rest = classes % size;
        return rest == 0 ? classes / size + "x" + size : (size + rest) + "+" + (classes / size - 1) + "x" + size;
    }
}
