package dev.palimpsest.recipe;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.ImageOptions;
import dev.palimpsest.internal.Nearest;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.ClassIncrementalStream.Split;
import dev.palimpsest.stream.Stream.ClassOrder;
import dev.palimpsest.train.Experiment.Evaluate;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What is learnt, in which order.
 *
 * @param name of the data set, one of {@link Dataset#names()}
 * @param folder where the data set's files lie; empty: the known places are searched
 * @param images how image files are read
 * @param validation share of every class's training images held out, [0, 1)
 * @param evaluate the images that accuracies are of; settings are to be chosen on validation images
 */
public record DataOptions(
        String name,
        Optional<Path> folder,
        ImageOptions images,
        Split split,
        ClassOrder order,
        double validation,
        Evaluate evaluate,
        Augmentation augment) {
    private static final Option<DataOptions, String> DATA = new Option<>(
            "data",
            String.join("|", Dataset.names()),
            "digits",
            "Data set. digits (8×8) is built in; palimpsest data list names the others. A folder of images, for train:"
                    + " image-folder with this --data-folder, and what suits it for the rest.",
            text -> text,
            DataOptions::name);
    private static final Option<DataOptions, Optional<Path>> FOLDER = new Option<>(
            "data-folder",
            "DIR",
            "",
            "Folder of the data set's files; empty: the usual places are searched.",
            RecipeFile::place,
            DataOptions::folder);
    private static final Option<DataOptions, Integer> IMAGE_SIZE = Option.integer(
            "image-size",
            0,
            "Height and width that image-folder and image-list bring the central square of every image to; 0: all"
                    + " files have one size.",
            r -> r.images().size());
    private static final Option<DataOptions, Integer> IMAGE_CROP = Option.integer(
            "image-crop",
            0,
            "Height and width of the part in the middle of these images that is shown; augment moves it over the rest;"
                    + " 0: all of them.",
            r -> r.images().crop());
    private static final Option<DataOptions, Boolean> SKIP_DAMAGED = Option.flag(
            "skip-damaged",
            false,
            "Leave out image files that cannot be read, with a warning, instead of refusing them.",
            r -> r.images().skipDamaged());
    private static final Option<DataOptions, Double> TEST_SHARE = Option.number(
                    "test-share",
                    ImageOptions.TEST_SHARE,
                    "Share of every class's images that is for test, in an image-folder without train and test.",
                    (DataOptions r) -> r.images().testShare())
            .when(options -> options.name.equals("image-folder"), "data = image-folder");
    private static final Option<DataOptions, Split> SPLIT = new Option<>(
            "split",
            "NxM",
            "5x2",
            "How classes are dealt out: 5x2 is five experiences of two classes, 50+10x5 is 50 classes and then ten"
                    + " times five.",
            Split::parse,
            DataOptions::split);
    private static final Option<DataOptions, ClassOrder> ORDER = new Option<>(
            "order",
            "SEED|LABELS",
            "1",
            "Class order: a seed, or all labels with commas.",
            ClassOrder::parse,
            DataOptions::order);
    private static final Option<DataOptions, Double> VALIDATION = Option.number(
            "validation", 0, "Share of the training images held out for validation.", DataOptions::validation);
    private static final Option<DataOptions, Evaluate> EVALUATE = Option.choice(
            "evaluate",
            Evaluate.class,
            Evaluate.TEST,
            "What accuracies are of: test images, or those held out for validation.",
            DataOptions::evaluate);
    private static final Option<DataOptions, Augmentation> AUGMENT = new Option<>(
            "augment",
            "none|shift:N|crop-flip:N[+rand:K:M]",
            "none",
            "Random change of training images: moved by up to N pixels, or that and mirrored; then K operations of"
                    + " magnitude M, 0 to 30.",
            Augmentation::parse,
            DataOptions::augment);
    /** Texts to values and back. */
    public static final OptionGroup<DataOptions> GROUP = new OptionGroup<>(
            List.of(
                    DATA,
                    FOLDER,
                    IMAGE_SIZE,
                    IMAGE_CROP,
                    SKIP_DAMAGED,
                    TEST_SHARE,
                    SPLIT,
                    ORDER,
                    VALIDATION,
                    EVALUATE,
                    AUGMENT),
            values -> new DataOptions(
                    values.get(DATA),
                    values.get(FOLDER),
                    new ImageOptions(
                            values.get(IMAGE_SIZE),
                            values.get(IMAGE_CROP),
                            values.get(SKIP_DAMAGED),
                            values.get(TEST_SHARE)),
                    values.get(SPLIT),
                    values.get(ORDER),
                    values.get(VALIDATION),
                    values.get(EVALUATE),
                    values.get(AUGMENT)));

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public DataOptions {
        Check.that(
                Dataset.names().contains(name),
                "data",
                name,
                "one of " + String.join(", ", Dataset.names()) + Nearest.suggestion(name, Dataset.names()));
        Check.that(validation >= 0 && validation < 1, "validation", validation, "a share of at least 0 and below 1");
        Check.that(
                evaluate == Evaluate.TEST || validation > 0,
                "evaluate",
                evaluate,
                "test, unless validation holds images out");
    }
}
