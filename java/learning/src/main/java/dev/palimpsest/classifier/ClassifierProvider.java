package dev.palimpsest.classifier;

import dev.palimpsest.option.Registration;
import java.util.List;

/**
 * Registers ways to classify, found by {@link java.util.ServiceLoader}: implementations have a public constructor
 * without parameters and are named in {@code META-INF/services} or provided by their module.
 */
@FunctionalInterface
public interface ClassifierProvider {
    /**
     * What is registered.
     *
     * @return at least one; names that are not taken yet
     */
    List<Registration<ClassifierType>> classifiers();
}
