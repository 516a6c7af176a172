package dev.palimpsest.method;

import dev.palimpsest.recipe.ExemplarOptions;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.Option;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.train.Method;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The methods that recipes name. */
public final class Methods {
    /** Those that do without new classes in an experience. */
    private static final Set<MethodOptions.Kind> REPEATABLE = EnumSet.of(
            MethodOptions.Kind.FINE_TUNING,
            MethodOptions.Kind.JOINT,
            MethodOptions.Kind.MLKD,
            MethodOptions.Kind.MLKD_BASELINE,
            MethodOptions.Kind.MLKD_SSL_ALONE,
            MethodOptions.Kind.MLKD_ALONE,
            MethodOptions.Kind.LWF_UNLABELLED);

    private Methods() {}

    /**
     * The method of a recipe, new for every run. For a published baseline the recipe, here and in the run, is the
     * {@link #settled} one.
     *
     * @throws IllegalArgumentException if the recipe's options do not go together
     */
    public static Method of(Recipe recipe) {
        requireTeachable(recipe);
        return switch (recipe.method().kind()) {
            case M2KD -> new M2kd(recipe);
            case LWF -> new Lwf(recipe);
            case LWF_MC -> new LwfMc();
            case ICARL -> new Icarl();
            case REPLAY -> new Replay(recipe);
            case FINE_TUNING -> new FineTuning(recipe);
            case JOINT -> new Joint();
            case MLKD, MLKD_BASELINE, MLKD_SSL_ALONE, MLKD_ALONE -> new Mlkd(recipe);
            case LWF_UNLABELLED -> new LwfUnlabelled(recipe);
        };
    }

    /**
     * The recipe as its method runs it: a baseline is the plain, published method, whatever the recipe sets for M2KD.
     *
     * @throws IllegalArgumentException if the method needs exemplars and the recipe keeps none
     */
    public static Recipe settled(Recipe recipe) {
        return switch (recipe.method().kind()) {
            case M2KD -> recipe;
            case LWF -> plain(recipe);
            case LWF_MC -> LwfMc.settled(recipe);
            case ICARL -> Icarl.settled(recipe);
            case REPLAY -> Replay.settled(recipe);
            case FINE_TUNING -> FineTuning.settled(recipe);
            case JOINT -> Joint.settled(recipe);
            case MLKD -> withoutExemplars(plain(recipe));
            case MLKD_BASELINE ->
                withoutExemplars(plain(recipe))
                        .with("ensemble", "false")
                        .with("teachers", "0")
                        .with("ssl", "none");
            case MLKD_SSL_ALONE ->
                withoutExemplars(plain(recipe)).with("ensemble", "false").with("teachers", "0");
            case MLKD_ALONE -> withoutExemplars(plain(recipe)).with("ssl", "none");
            case LWF_UNLABELLED -> withoutExemplars(plain(recipe));
        };
    }

    /** Without auxiliary heads and features, which are M2KD's. */
    static Recipe plain(Recipe recipe) {
        return recipe.with("auxiliary-heads", "false").with("lambda-feature", "0");
    }

    /** Keeps no image; a classifier that is made of exemplars gives way to the head. */
    static Recipe withoutExemplars(Recipe recipe) {
        ExemplarOptions.Classifier classifier = recipe.exemplars().classifier();
        return recipe.with("classifier", classifier.needsExemplars() ? "head" : Option.label(classifier))
                .with("exemplars", "0")
                .with("exemplar-budget", "0");
    }

    /**
     * The recipe, which must keep exemplars.
     *
     * @param instead the method that is the same without them
     */
    static Recipe withExemplars(Recipe recipe, String instead) {
        if (!recipe.exemplars().kept()) {
            throw new IllegalArgumentException(
                    "method = " + Option.label(recipe.method().kind())
                            + " needs exemplars, but exemplars = 0: keep some, or take method = " + instead);
        }
        return recipe;
    }

    /** Refuses losses that would be zero whatever the network says, and labels that no softmax covers. */
    private static void requireTeachable(Recipe recipe) {
        MethodOptions options = recipe.method();
        if (recipe.repetition().on() && !REPEATABLE.contains(options.kind())) {
            throw new IllegalArgumentException("method = " + Option.label(options.kind())
                    + " needs new classes in every experience, which "
                    + "stream = repetition does not bring: take one of "
                    + String.join(", ", REPEATABLE.stream().map(Option::label).toList()));
        }
        boolean newAlone = options.crossEntropy() == MethodOptions.CrossEntropy.NEW;
        if (newAlone && recipe.exemplars().kept()) {
            throw new IllegalArgumentException("cross-entropy = new looks at the new classes alone, but exemplars = "
                    + recipe.exemplars().perClass()
                    + " bring old ones into every batch: set exemplars = 0, or cross-entropy = all");
        }
        List<Integer> sizes = recipe.data().split().sizes();
        if (newAlone && sizes.contains(1)) {
            throw new IllegalArgumentException(
                    "cross-entropy = new and split = " + recipe.data().split()
                            + ": a softmax over the one new class of an experience is always right, so nothing is"
                            + " learned; set cross-entropy = bce, or more classes an experience");
        }
        if (options.kind() == MethodOptions.Kind.M2KD
                && options.groups() == MethodOptions.Groups.OWN
                && options.lambda() > 0
                && options.lambdaFeature() == 0
                && sizes.subList(0, sizes.size() - 1).contains(1)) {
            throw new IllegalArgumentException(
                    "groups = own and split = " + recipe.data().split()
                            + ": the distillation of a group of one class is always zero, so that group has no"
                            + " teacher; set groups = cumulative, or distil features with lambda-feature = 0.05");
        }
    }
}
