#!/bin/sh
# module-descriptor.sh SOURCES CLASSES MODULE_PATH: compiles SOURCES/module-info.java once more, for Java 17. The jar tool of the JDK that
# Maven itself runs on reads the descriptor, and that JDK may be older than the one that compiles.
set -eu
. "$(dirname "$0")/find-jdk.sh"
made=$2/module-info.class
java_17=61
if [ -f "$made" ] && [ "$(od -An -tu1 -j7 -N1 "$made" | tr -d ' ')" = $java_17 ] && [ ! "$1/module-info.java" -nt "$made" ]; then
  exit 0
fi
exec "$(find_jdk)/bin/javac" --release 17 -nowarn -d "$2" --module-path "$3" "$1/module-info.java"
