package dev.palimpsest;

import org.jspecify.annotations.Nullable;

/**
 * What a lesson comes to.
 *
 * @param manifest to be written
 * @param knowledge of its current version; null to be read when it is needed
 * @param lesson to be reported
 */
record Taught(Manifest manifest, @Nullable Knowledge knowledge, Lesson lesson) {}
