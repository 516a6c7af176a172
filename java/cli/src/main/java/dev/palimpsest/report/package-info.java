/**
 * Run folders, written and read, and what is made of them: tables, comparisons, plots and the report page. May know
 * what a run reports (progress, result, metrics) and how options are written; nothing of recipes or of the command
 * line.
 */
package dev.palimpsest.report;
