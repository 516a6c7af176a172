/**
 * Labelled images: what they are in memory ({@link dev.palimpsest.data.Images}, {@link dev.palimpsest.data.Dataset}),
 * and the data sets that can be loaded by name ({@link dev.palimpsest.data.Source}), from files of several formats,
 * from the library itself, or rendered from fonts.
 *
 * <p>Knows no other package of the library: neither in which order classes come (package {@code stream}) nor how
 * images are augmented or batched.
 */
package dev.palimpsest.data;
