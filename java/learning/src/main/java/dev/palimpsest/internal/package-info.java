/**
 * What several packages share and no user calls: random numbers by coordinates, schedules, directions, misspelt words.
 */
package dev.palimpsest.internal;
