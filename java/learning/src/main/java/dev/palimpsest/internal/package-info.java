/**
 * What several packages share and no user calls: random numbers by coordinates, schedules, directions, checksums,
 * misspelt words, texts, pickles.
 */
package dev.palimpsest.internal;
