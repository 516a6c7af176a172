/**
 * The command {@code palimpsest}: one file for each subcommand, what it prints while a run goes on, and the sentences
 * that refuse a wrong command line. May know recipes, reports and every package of the library; nothing knows it.
 */
package dev.palimpsest.cli;
