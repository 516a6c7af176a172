#!/bin/sh
# Formats every Java file of the checkout, or with --check names those that are not formatted and fails.
set -eu
cd "$(dirname "$0")/.."
. cmake/find-jdk.sh
jdk=$(find_jdk)
[ -n "$jdk" ] || { echo "The formatter needs a JDK of version 25 or newer: install the package temurin-25-jdk." >&2; exit 1; }
classpath=target/format.classpath
if [ ! -f "$classpath" ] || [ cmake/format/pom.xml -nt "$classpath" ]; then
  mvn --batch-mode --quiet -f cmake/format/pom.xml dependency:build-classpath "-Dmdep.outputFile=$PWD/$classpath"
fi
exports=
for package in api code file parser tree util; do
  exports="$exports --add-exports jdk.compiler/com.sun.tools.javac.$package=ALL-UNNAMED"
done
case ${1-} in
  --check) action="--dry-run --set-exit-if-changed" ;;
  "") action=--replace ;;
  *) echo "usage: cmake/format.sh [--check]" >&2; exit 2 ;;
esac
# shellcheck disable=SC2046,SC2086 # lists of words
if ! "$jdk/bin/java" $exports -cp "$(cat "$classpath")" com.palantir.javaformat.java.Main --palantir $action \
    $(git ls-files --cached --others --exclude-standard '*.java' | while read -r file; do [ ! -f "$file" ] || echo "$file"; done); then
  echo "The files named above are not formatted: run cmake/format.sh and look at the change." >&2
  exit 1
fi
long=$(git ls-files --cached --others --exclude-standard '*.java' | while read -r file; do
  [ ! -f "$file" ] || grep -nHE '^.{121,}' "$file" || true; done)
[ -z "$long" ] || { echo "Lines of more than 120 columns, which the formatter cannot break:" >&2; printf '%s\n' "$long" >&2; exit 1; }
