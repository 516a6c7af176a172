/**
 * Classes as Gaussians over what several networks give for their samples: statistics, distances, and how distances
 * become probabilities. Arithmetic in float64 over features; knows nothing of networks. Not exported.
 */
package dev.palimpsest.gaussian;
