/**
 * CUDA's driver through JCuda: devices, memory, streams, kernel images, and the three kernels on device addresses. It
 * knows the native library, and of engines only the exception that they share.
 */
package dev.palimpsest.cuda;
