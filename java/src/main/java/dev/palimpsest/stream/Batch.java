package dev.palimpsest.stream;

import java.lang.foreign.MemorySegment;

/**
 * Some images and their labels, ready for a network. The image memory is the {@link Loader}'s and holds these images until the next
 * batch is taken from it.
 *
 * @param images [rows,C,H,W] float32, normalised, off-heap, 64-byte aligned
 * @param labels [rows], as the loader was told to relabel them
 * @param indices [rows], into the images that the loader reads; not to be changed
 */
public record Batch(int rows, MemorySegment images, int[] labels, int[] indices) {}
