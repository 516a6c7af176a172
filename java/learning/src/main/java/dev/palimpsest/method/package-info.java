/**
 * The library's methods, one file each: equations, options, registration. A method defines which losses and which
 * teachers an experience has; engines compute, and {@link dev.palimpsest.train.Learner} trains.
 */
package dev.palimpsest.method;
