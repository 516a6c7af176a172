#!/bin/sh
# Names the first missing build tool in one sentence, with the package that brings it.
. "$(dirname "$0")/find-jdk.sh"
missing() { echo "Palimpsest needs $1, which was not found: install the package $2 and run mvn again." >&2; exit 1; }

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || { echo "Palimpsest builds on Linux x86-64; this is $(uname -s) $(uname -m)." >&2; exit 1; }
jdk=$(find_jdk) || exit 1
[ -n "$jdk" ] || missing "a JDK of version 25 or newer" "temurin-25-jdk (or openjdk-25-jdk), under /usr/lib/jvm"
command -v g++ >/dev/null || missing "the C++ compiler g++" "g++"
command -v cmake >/dev/null || missing "cmake" "cmake"
command -v make >/dev/null || command -v ninja >/dev/null || missing "make" "make"
