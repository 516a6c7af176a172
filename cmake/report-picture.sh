#!/bin/sh
# Prints the plot of accuracies over experiences of a report as an SVG of its own, with the report's colours: the
# picture of the README, by
#   java/bin/palimpsest train m2kd-digits-exemplar-free --baselines fine-tuning,lwf,joint --out runs/picture
#   cmake/report-picture.sh runs/picture/report.html > bench/report.svg
[ -f "${1-}" ] || { echo "usage: cmake/report-picture.sh RUN/report.html" >&2; exit 2; }
awk '
  /<style>/ { colours = 1; next }
  /^\* \{/ { colours = 0 }
  colours { style = style $0 "\n" }
  /<svg[^>]*aria-label="Accuracy on all classes seen/ { sub(/.*<svg/, "<svg xmlns=\"http://www.w3.org/2000/svg\" style=\"background: var(--card)\""); inside = 1; first = 1 }
  inside { line = $0; sub(/<\/svg>.*/, "</svg>", line); print line }
  inside && first { printf "<style>\n%s</style>\n", style; first = 0 }
  inside && /<\/svg>/ { whole = 1; exit }
  END { if (!whole) { print "There is no plot of accuracies over experiences in " FILENAME > "/dev/stderr"; exit 1 } }
' "$1"
