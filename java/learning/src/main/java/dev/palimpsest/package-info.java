/**
 * A model that keeps learning: {@link dev.palimpsest.ContinualClassifier} learns classes as they come, without keeping
 * an image, classifies with any of its earlier versions, and goes back to one. It lives in one folder.
 */
package dev.palimpsest;
