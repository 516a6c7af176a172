/**
 * What a learner meets: a data set's images as a {@link dev.palimpsest.stream.Stream} of experiences, whose classes
 * come in groups ({@link dev.palimpsest.stream.ClassIncrementalStream}) or again and again
 * ({@link dev.palimpsest.stream.RepetitionStream}), and the way from an experience to batches in memory: plan,
 * augmentation, loader. All that is random here is a function of a seed and of what it is for
 * ({@link dev.palimpsest.stream.SplitMix64}), so that neither threads nor the order of calls change it.
 *
 * <p>Knows package {@code data} and the kernels' class ranges; nothing of networks, engines or methods.
 */
package dev.palimpsest.stream;
