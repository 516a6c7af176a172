package dev.palimpsest.cuda;

/**
 * Rows in device memory.
 *
 * @param address of the first element
 * @param stride elements between the starts of consecutive rows
 */
public record DeviceMatrix(long address, long stride) {}
