package dev.palimpsest.recipe;

import dev.palimpsest.classifier.ClassifierType;
import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.train.BudgetOptions;
import dev.palimpsest.train.ExemplarOptions;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Methods;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.TrainingOptions;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * All options that a recipe may set: its own, and those of every method and classifier on the class path. Also finds
 * which of them do nothing in a recipe, so that none is taken silently.
 */
public final class RecipeOptions {
    /** Asked for once: every look for providers reads through the whole class path. */
    private static final List<Registration<Method>> METHODS = Methods.all();

    private static final List<Registration<ClassifierType>> CLASSIFIERS = Classifiers.all();

    static final Option<Recipe, String> METHOD = new Option<>(
            Recipe.METHOD,
            names(METHODS, "|"),
            "m2kd",
            "How the stream is learnt: " + described(METHODS) + ".",
            text -> text,
            Recipe::method);
    static final Option<Recipe, String> CLASSIFIER = new Option<>(
            Settings.CLASSIFIER,
            names(CLASSIFIERS, "|"),
            "head",
            "How an image is classified: " + described(CLASSIFIERS) + ".",
            text -> text,
            recipe -> recipe.settings().classifier().name());

    private static final List<Section> SECTIONS = sectionsOfAll();
    private static final Set<String> NAMES = SECTIONS.stream()
            .flatMap(section -> section.options().stream())
            .map(Option::name)
            .collect(Collectors.toCollection(LinkedHashSet::new));

    /**
     * Options with a common subject, under one heading of the help text.
     *
     * @param title the heading
     * @param options each of them in one section only
     */
    public record Section(String title, List<? extends Option<?, ?>> options) {}

    private RecipeOptions() {}

    private static <C> String names(List<Registration<C>> all, String separator) {
        return all.stream().map(Registration::name).collect(Collectors.joining(separator));
    }

    private static <C> String described(List<Registration<C>> all) {
        return all.stream()
                .map(registration -> registration.name() + ": " + registration.description())
                .collect(Collectors.joining("; "));
    }

    private static List<Section> sectionsOfAll() {
        List<Section> sections = new ArrayList<>(List.of(
                new Section("Data", DataOptions.GROUP.options()),
                new Section("Stream with repetition", RepetitionOptions.GROUP.options()),
                new Section("Network", ModelOptions.GROUP.options()),
                new Section("Method", List.of(METHOD))));
        Set<String> taken = new LinkedHashSet<>();
        for (Registration<Method> method : METHODS) {
            add(sections, "Method " + method.name(), method, taken);
        }
        sections.add(new Section("Exemplars", ExemplarOptions.GROUP.options()));
        sections.add(new Section("Classifier", List.of(CLASSIFIER)));
        for (Registration<ClassifierType> classifier : CLASSIFIERS) {
            add(sections, "Classifier " + classifier.name(), classifier, taken);
        }
        sections.add(new Section("Training", TrainingOptions.GROUP.options()));
        sections.add(new Section("Device", ComputeOptions.GROUP.options()));
        sections.add(new Section("Budget", BudgetOptions.GROUP.options()));
        sections.add(new Section("Repeatability", Recipe.own().options()));
        return List.copyOf(sections);
    }

    /** An option that several have stands where the first one has it. */
    private static void add(List<Section> sections, String title, Registration<?> registration, Set<String> taken) {
        List<Option<?, ?>> fresh = new ArrayList<>();
        for (Option<?, ?> option : registration.options()) {
            if (taken.add(option.name())) {
                fresh.add(option);
            }
        }
        if (!fresh.isEmpty()) {
            sections.add(new Section(title, fresh));
        }
    }

    /**
     * Every option, by subject.
     *
     * @return sections in the order of the help text
     */
    public static List<Section> sections() {
        return SECTIONS;
    }

    /**
     * Names of all options.
     *
     * @return in the order of the help text, each once
     */
    public static Set<String> names() {
        return NAMES;
    }

    /**
     * The methods that have an option of their own.
     *
     * @param option name without {@code --}
     * @return names of methods; empty for an option of every recipe
     */
    public static List<String> methodsWith(String option) {
        return METHODS.stream()
                .filter(method -> method.has(option))
                .map(Registration::name)
                .toList();
    }

    /** Refuses values that no method could take, of options that only other methods have. */
    static void requireSound(Map<String, String> texts) {
        texts.forEach((name, text) -> METHODS.stream()
                .filter(method -> method.has(name))
                .findFirst()
                .ifPresent(method -> method.complete(Map.of(name, text))));
    }

    /**
     * Why an option that a user gives does nothing in a recipe. Options in a recipe file may be meant for another
     * method; one that is given for a run must mean something for it.
     *
     * @param recipe made of that option among others
     * @param name of the option
     * @param text that was given
     * @return one sentence; empty if the option counts
     */
    public static Optional<String> refusal(Recipe recipe, String name, String text) {
        Settings settings = recipe.settings();
        if (recipe.methodOptions().containsKey(name)) {
            return Registration.named(Recipe.METHOD, recipe.method(), METHODS)
                    .idle(name, recipe.methodOptions())
                    .map(condition -> idle(name, text, condition));
        }
        List<String> methods = methodsWith(name);
        if (!methods.isEmpty()) {
            return Optional.of(name + " = " + text + ": method = " + recipe.method()
                    + " has no such option; it is one of " + String.join(", ", methods));
        }
        for (Registration<ClassifierType> classifier : CLASSIFIERS) {
            if (classifier.has(name)
                    && !classifier.name().equals(settings.classifier().name())) {
                return Optional.of(idle(name, text, Settings.CLASSIFIER + " = " + classifier.name()));
            }
        }
        if (name.equals(Settings.CLASSIFIER)) {
            return settled(text, settings.classifier().name(), name, recipe);
        }
        if (name.equals("auxiliary-heads")
                && text.equals("true")
                && !recipe.model().auxiliaryHeads()) {
            return Optional.of(Settings.refusal(name, text, recipe.method(), null));
        }
        if (name.equals("split") && recipe.repetition().on()) {
            return Optional.of(idle(name, text, "stream = classes"));
        }
        return firstOf(
                of(DataOptions.GROUP, recipe.data(), name, text, recipe),
                of(RepetitionOptions.GROUP, recipe.repetition(), name, text, recipe),
                of(ModelOptions.GROUP, recipe.model(), name, text, recipe),
                of(ExemplarOptions.GROUP, settings.exemplars(), name, text, recipe),
                of(TrainingOptions.GROUP, settings.training(), name, text, recipe),
                of(ComputeOptions.GROUP, recipe.compute(), name, text, recipe));
    }

    @SafeVarargs
    private static Optional<String> firstOf(Optional<String>... sentences) {
        for (Optional<String> sentence : sentences) {
            if (sentence.isPresent()) {
                return sentence;
            }
        }
        return Optional.empty();
    }

    private static <R> Optional<String> of(OptionGroup<R> group, R record, String name, String text, Recipe recipe) {
        Optional<Option<R, ?>> option = group.named(name);
        if (option.isEmpty()) {
            return Optional.empty();
        }
        Optional<String> settled = settled(
                Option.format(option.get().parse().apply(text)), option.get().text(record), name, recipe);
        return settled.isPresent() || option.get().effective().test(record)
                ? settled
                : Optional.of(idle(name, text, option.get().condition()));
    }

    /** Texts of equal values are equal, but for widths that are the network's own. */
    private static Optional<String> settled(String asked, String now, String name, Recipe recipe) {
        return asked.equals(now) || asked.isEmpty()
                ? Optional.empty()
                : Optional.of(Settings.refusal(name, asked, recipe.method(), now));
    }

    private static String idle(String name, String text, String condition) {
        return name + " = " + text + " has no effect here: it needs " + condition;
    }
}
