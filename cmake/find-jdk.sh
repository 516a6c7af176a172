# Prints the home of a JDK 25 or newer; prints nothing when there is none. Sourced by preflight.sh and java/bin/palimpsest.
jdk_major() { if [ -f "$1/release" ]; then sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"; fi; }

find_jdk() {
  for home in "${PALIMPSEST_JDK-}" "${JAVA_HOME-}" /usr/lib/jvm/* "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* /opt/*jdk*; do
    major=$(jdk_major "$home")
    if [ -x "$home/bin/javac" ] && [ "${major:-0}" -ge 25 ]; then echo "$home"; return; fi
  done
}
