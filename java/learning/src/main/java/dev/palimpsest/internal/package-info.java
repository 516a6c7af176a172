/**
 * What several packages share and no user calls: random numbers by coordinates, schedules, directions, misspelt words,
 * texts, pickles.
 */
package dev.palimpsest.internal;
