package dev.palimpsest.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What is learnt, in which order.
 *
 * @param folder where the data set's files lie; empty: the known places are searched
 * @param split experiences × classes, parts joined by +: {@code 5x2}, {@code 50+10x5} (50 classes first, then ten experiences of five)
 * @param validation share of every class's training images held out, [0, 1)
 */
public record DataOptions(Source source, Optional<Path> folder, String split, ClassOrder order, double validation, Augment augment) {
    /** A data set. */
    public enum Source { DIGITS, FASHION_MNIST, MNIST }

    /** Random change of a training image: a shift by up to an eighth, or pad by an eighth, crop and flip. */
    public enum Augment { NONE, SHIFT, CROP_FLIP }

    static final Option<Source> DATA = Option.choice("data", Source.class, Source.DIGITS,
            "Data set. digits (8×8, built in); fashion-mnist and mnist are read from IDX files.", r -> r.data().source());
    static final Option<Optional<Path>> FOLDER = new Option<>("data-folder", "DIR", "",
            "Folder of the IDX files; empty: the usual places are searched.",
            text -> text.isEmpty() ? Optional.empty() : Optional.of(Path.of(text)), r -> r.data().folder());
    static final Option<String> SPLIT = new Option<>("split", "NxM", "5x2",
            "How classes are dealt out: 5x2 is five experiences of two classes, 50+10x5 is 50 classes and then ten times five.",
            text -> text, r -> r.data().split());
    static final Option<ClassOrder> ORDER = new Option<>("order", "SEED|LABELS", "1",
            "Class order: a seed, or all labels with commas.", ClassOrder::parse, r -> r.data().order());
    static final Option<Double> VALIDATION = Option.number("validation", 0,
            "Share of the training images held out for validation.", r -> r.data().validation());
    static final Option<Augment> AUGMENT = Option.choice("augment", Augment.class, Augment.NONE,
            "Random change of training images: none, shift, or crop with flip.", r -> r.data().augment());
    static final List<Option<?>> ALL = List.of(DATA, FOLDER, SPLIT, ORDER, VALIDATION, AUGMENT);

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public DataOptions {
        Check.that(split.matches("[1-9]\\d{0,4}(x[1-9]\\d{0,4})?(\\+[1-9]\\d{0,4}(x[1-9]\\d{0,4})?)*"), "split", split,
                "experiences x classes, such as 5x2 or 50+10x5");
        Check.that(validation >= 0 && validation < 1, "validation", validation, "a share of at least 0 and below 1");
    }

    static DataOptions of(Values values) {
        return new DataOptions(values.get(DATA), values.get(FOLDER), values.get(SPLIT), values.get(ORDER), values.get(VALIDATION),
                values.get(AUGMENT));
    }
}
