# Prints the home of a JDK 25 or newer; prints nothing when there is none. A PALIMPSEST_JDK that is none is an error:
# somebody meant that one. Sourced by preflight.sh and java/bin/palimpsest.
jdk_major() { if [ -f "$1/release" ]; then sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"; fi; }

is_jdk() {
  major=$(jdk_major "$1")
  [ -x "$1/bin/javac" ] && [ "${major:-0}" -ge 25 ]
}

find_jdk() {
  if [ -n "${PALIMPSEST_JDK-}" ]; then
    is_jdk "$PALIMPSEST_JDK" && { echo "$PALIMPSEST_JDK"; return; }
    found="it has no bin/javac or no file named release"
    [ -x "$PALIMPSEST_JDK/bin/javac" ] && [ -n "$major" ] && found="it is of version $major"
    echo "PALIMPSEST_JDK=$PALIMPSEST_JDK is no JDK of version 25 or newer ($found): set it to the folder of one, or unset it." >&2
    return 1
  fi
  for home in "${JAVA_HOME-}" /usr/lib/jvm/* "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* /opt/*jdk*; do
    is_jdk "$home" && { echo "$home"; return; }
  done
  return 0
}
