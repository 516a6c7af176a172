/**
 * Ways to turn what models compute into class scores, one file each: the head, the nearest mean of exemplars, a
 * refitted head, a head with aligned weights. A classifier owns its state, writes and reads it, and names which models
 * it reads. Others register by {@link dev.palimpsest.classifier.ClassifierProvider}. Knows networks and evaluation;
 * nothing of training or methods.
 */
package dev.palimpsest.classifier;
