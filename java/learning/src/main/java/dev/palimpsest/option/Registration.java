package dev.palimpsest.option;

import dev.palimpsest.internal.Nearest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Function;

/**
 * Something that an option chooses by its name: a method, a classifier. Holds what it is called, what it is, which
 * options it has, and how it is made. Immutable.
 *
 * @param <C> what is made
 */
public final class Registration<C> {
    private static final String OWN = "dev.palimpsest.";

    private final String name;
    private final String description;
    private final Bound<?, C> bound;
    private final Map<String, Map<String, String>> presets;

    private record Bound<R, C>(OptionGroup<R> group, Function<R, C> make) {
        C create(Map<String, String> texts) {
            return make.apply(group.of(texts));
        }

        SequencedMap<String, String> complete(Map<String, String> texts) {
            return group.texts(group.of(texts));
        }

        Optional<String> idle(String option, Map<String, String> texts) {
            R record = group.of(texts);
            return group.named(option)
                    .filter(known -> !known.effective().test(record))
                    .map(Option::condition);
        }
    }

    private Registration(String name, String description, Bound<?, C> bound, Map<String, Map<String, String>> presets) {
        this.name = Objects.requireNonNull(name);
        this.description = Objects.requireNonNull(description);
        this.bound = bound;
        this.presets = Map.copyOf(presets);
    }

    /**
     * A registration.
     *
     * @param <R> record of the options
     * @param <C> what is made
     * @param name lower case with hyphens
     * @param description a phrase for the help text
     * @param options all that it has
     * @param make makes a new one
     * @return the registration
     */
    public static <R, C> Registration<C> of(
            String name, String description, OptionGroup<R> options, Function<R, C> make) {
        return new Registration<>(name, description, new Bound<>(options, make), Map.of());
    }

    /**
     * The same with named sets of options.
     *
     * @param named texts by option name, by the name of the set
     * @return a registration
     */
    public Registration<C> withPresets(Map<String, Map<String, String>> named) {
        return new Registration<>(name, description, bound, named);
    }

    /**
     * What a named set of options sets.
     *
     * @param preset its name
     * @return texts by option name
     * @throws IllegalArgumentException with a sentence, if there is no such set
     */
    public Map<String, String> preset(String preset) {
        if (!presets.containsKey(preset)) {
            throw new IllegalArgumentException("as = " + preset + ": "
                    + (presets.isEmpty()
                            ? name + " has no named sets of options: leave it out"
                            : "expected one of "
                                    + String.join(
                                            ", ",
                                            presets.keySet().stream().sorted().toList())));
        }
        return presets.get(preset);
    }

    /**
     * As options name it.
     *
     * @return lower case with hyphens
     */
    public String name() {
        return name;
    }

    /**
     * What it is.
     *
     * @return a phrase for the help text
     */
    public String description() {
        return description;
    }

    /**
     * Its options.
     *
     * @return in the order of the help text
     */
    public List<? extends Option<?, ?>> options() {
        return bound.group.options();
    }

    /**
     * Whether it has an option.
     *
     * @param option name without {@code --}
     * @return whether one is called so
     */
    public boolean has(String option) {
        return bound.group.named(option).isPresent();
    }

    /**
     * Makes a new one.
     *
     * @param texts by option name; what is missing has its default
     * @return what is registered, with these options
     * @throws IllegalArgumentException with a sentence, for a value that cannot be or an option that it does not have
     */
    public C create(Map<String, String> texts) {
        List<String> known = bound.group.names();
        for (String option : texts.keySet()) {
            if (!known.contains(option)) {
                throw new IllegalArgumentException(option + " is not an option of " + name + ", which has "
                        + (known.isEmpty() ? "none" : String.join(", ", known)) + Nearest.suggestion(option, known));
            }
        }
        return bound.create(texts);
    }

    /**
     * Makes a new one of what it takes from the options of a whole run.
     *
     * @param texts by option name; what is missing has its default, and other names are left alone
     * @return what is registered, with these options
     * @throws IllegalArgumentException with a sentence, for a value that cannot be
     */
    public C createFrom(Map<String, String> texts) {
        return bound.create(texts);
    }

    /**
     * Every option's text.
     *
     * @param texts by option name; what is missing has its default, and other names are dropped
     * @return as {@link #create} takes it, in the options' order
     * @throws IllegalArgumentException with a sentence, for a value that cannot be
     */
    public SequencedMap<String, String> complete(Map<String, String> texts) {
        return bound.complete(texts);
    }

    /**
     * Why an option has no effect together with the others.
     *
     * @param option name of one of this registration's
     * @param texts of all options
     * @return what would have to be, as {@code option = value}; empty if it has an effect
     */
    public Optional<String> idle(String option, Map<String, String> texts) {
        return bound.idle(option, texts);
    }

    /**
     * The registration of a name.
     *
     * @param <C> what is made
     * @param option that names it, for the sentence
     * @param name to be found
     * @param all there are
     * @return the one
     * @throws IllegalArgumentException with a sentence that lists all and the nearest
     */
    public static <C> Registration<C> named(String option, String name, List<Registration<C>> all) {
        List<String> names = all.stream().map(Registration::name).toList();
        int index = names.indexOf(name);
        if (index < 0) {
            throw new IllegalArgumentException(option + " = " + name + ": expected one of " + String.join(", ", names)
                    + Nearest.suggestion(name, names));
        }
        return all.get(index);
    }

    /**
     * Everything that is registered.
     *
     * @param <P> type of the providers
     * @param <C> what is made
     * @param what is registered, for the sentence
     * @param providers as the service loader finds them, in any order
     * @param registrations of a provider
     * @return the library's own first, then the others by the names of their providers' classes
     * @throws IllegalStateException if two have one name, which no option could distinguish
     */
    public static <P, C> List<Registration<C>> all(
            String what, Iterable<P> providers, Function<P, List<Registration<C>>> registrations) {
        List<P> sorted = new ArrayList<>();
        providers.forEach(sorted::add);
        sorted.sort(Comparator.comparing(
                        (P provider) -> !provider.getClass().getName().startsWith(OWN))
                .thenComparing(provider -> provider.getClass().getName()));
        List<Registration<C>> all = new ArrayList<>();
        sorted.forEach(provider -> all.addAll(registrations.apply(provider)));
        List<String> names = all.stream().map(Registration::name).toList();
        for (int i = 0; i < names.size(); i++) {
            if (names.indexOf(names.get(i)) < i) {
                throw new IllegalStateException("two " + what + " on the class path are called " + names.get(i)
                        + ": remove one of them, or give it another name");
            }
        }
        return List.copyOf(all);
    }

    @Override
    public String toString() {
        return name;
    }
}
