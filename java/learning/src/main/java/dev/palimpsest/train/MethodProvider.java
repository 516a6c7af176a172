package dev.palimpsest.train;

import dev.palimpsest.option.Registration;
import java.util.List;

/**
 * Registers methods, found by {@link java.util.ServiceLoader}: implementations have a public constructor without
 * parameters and are named in {@code META-INF/services} or provided by their module.
 */
@FunctionalInterface
public interface MethodProvider {
    /**
     * What is registered: a method, and variants of it with other defaults.
     *
     * @return at least one; names that are not taken yet
     */
    List<Registration<Method>> methods();
}
