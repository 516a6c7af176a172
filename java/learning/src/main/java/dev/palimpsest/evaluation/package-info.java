/**
 * Running frozen networks over images. Knows networks, images and streams; nothing of training, classifiers or
 * methods.
 */
package dev.palimpsest.evaluation;
