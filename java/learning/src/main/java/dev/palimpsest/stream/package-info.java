/**
 * What a learner meets: a data set's images as a {@link dev.palimpsest.stream.Stream} of experiences, whose classes
 * come in groups ({@link dev.palimpsest.stream.ClassIncrementalStream}) or again and again
 * ({@link dev.palimpsest.stream.RepetitionStream}), and how their images are augmented. All that is random here
 * is a function of a seed and of what it is for, so that neither threads nor the order of calls change it.
 *
 * <p>Knows package {@code data} and the kernels' class ranges; nothing of networks, engines or methods.
 */
package dev.palimpsest.stream;
