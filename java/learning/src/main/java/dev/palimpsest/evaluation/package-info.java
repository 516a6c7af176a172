/**
 * Running frozen networks over images and counting what they get right. Knows networks, images and streams; nothing of
 * training, classifiers or methods.
 */
package dev.palimpsest.evaluation;
