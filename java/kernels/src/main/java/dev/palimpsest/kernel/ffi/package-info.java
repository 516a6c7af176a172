/**
 * What stands between Java and libpalimpsest: loading it, its structs with named fields, its kernels, and its list of
 * CUDA kernels. Open to palimpsest's own modules only.
 *
 * <p>Nothing here checks a caller's memory; that is done in {@link dev.palimpsest.kernel}, and on a GPU in
 * dev.palimpsest.cuda. Knows the interface of palimpsest.h and nothing above it.
 */
package dev.palimpsest.kernel.ffi;
