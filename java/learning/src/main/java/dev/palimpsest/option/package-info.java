/**
 * Typed declarations of options: name, default, range, help, text to value and back. Methods, classifiers and settings
 * declare theirs with it; recipe files, the command line and run.json read the declarations. Knows no other package.
 */
package dev.palimpsest.option;
