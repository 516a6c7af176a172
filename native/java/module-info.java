/**
 * The compiled kernels, as resources: {@code libpalimpsest.so} and, where nvcc was there, the CUDA images. They lie
 * under {@code dev/palimpsest/native}, which is no legal package name, so every module may read them.
 */
module dev.palimpsest.natives {}
