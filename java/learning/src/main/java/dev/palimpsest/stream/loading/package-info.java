/**
 * Batches of a stream's images: which image stands in which batch, and how it is changed on a thread of its own while
 * the batch before is trained on.
 */
package dev.palimpsest.stream.loading;
