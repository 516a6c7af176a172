/**
 * What several packages share and no user calls: random numbers by coordinates, schedules, directions, checksums,
 * misspelt words.
 */
package dev.palimpsest.internal;
