package dev.palimpsest.train;

import dev.palimpsest.option.Registration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/** All methods that the class path or module path has. */
public final class Methods {
    private Methods() {}

    /**
     * Every registered method.
     *
     * @return the library's own first
     */
    public static List<Registration<Method>> all() {
        return Registration.all("methods", ServiceLoader.load(MethodProvider.class), MethodProvider::methods);
    }

    /**
     * The method of a name.
     *
     * @param name as the option {@code method} takes it
     * @return its registration
     * @throws IllegalArgumentException with a sentence, if there is none
     */
    public static Registration<Method> named(String name) {
        return Registration.named("method", name, all());
    }

    /**
     * Refuses what a method could not learn.
     *
     * @param method to be asked
     * @param newClasses how many classes come new with each experience
     * @param settings as the method settled them
     * @throws IllegalArgumentException with a sentence
     */
    public static void check(Method method, List<Integer> newClasses, Settings settings) {
        if (newClasses.contains(0)) {
            requireRepeats(method);
        }
        method.check(newClasses, settings);
    }

    /**
     * Refuses a method that needs new classes in every experience.
     *
     * @param method to be asked
     * @throws IllegalArgumentException with a sentence that names those that do not
     */
    public static void requireRepeats(Method method) {
        if (!method.repeats()) {
            throw new IllegalArgumentException("method = " + method.name()
                    + " needs new classes in every experience, which a stream with repetition does not bring: take one"
                    + " of " + String.join(", ", repeating()));
        }
    }

    private static List<String> repeating() {
        List<String> names = new ArrayList<>();
        for (Registration<Method> registration : all()) {
            try (Method method = registration.create(Map.of())) {
                if (method.repeats()) {
                    names.add(registration.name());
                }
            }
        }
        return names;
    }
}
