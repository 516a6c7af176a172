#!/bin/sh
# Checks native and test C++/CUDA: layout by clang-format, defects by clang-tidy, both of version 14 (.clang-format,
# .clang-tidy). With the argument --fix the layout is put right instead of checked.
set -u
cd "$(dirname "$0")/.." || exit 1
missing() {
  echo "The native lint needs $1, which was not found: install the package $2 and run it again." >&2
  exit 1
}
command -v clang-format-14 >/dev/null || missing clang-format-14 clang-format-14
command -v clang-tidy-14 >/dev/null || missing clang-tidy-14 clang-tidy-14
command -v cmake >/dev/null || missing cmake cmake

sources=$(git ls-files -co --exclude-standard native tests/src/test/native |
  grep -E '\.(cpp|h|cu|cuh|def|inc)$')
if [ "${1:-}" = --fix ]; then
  # shellcheck disable=SC2086 # one word a file
  exec clang-format-14 -i $sources
fi
# shellcheck disable=SC2086
clang-format-14 --dry-run --Werror $sources || {
  echo "Run cmake/lint-native.sh --fix." >&2
  exit 1
}

# The .cu files are looked at as the host build compiles them.
builds=$(mktemp -d) && trap 'rm -rf "$builds"' EXIT
status=0
extra=--extra-arg=-Wno-unknown-warning-option
for project in native tests/src/test/native/hostile tests/src/test/native/simt tests/src/test/native/driver; do
  build=$builds/$(basename "$project")
  cmake -S "$project" -B "$build" -DPALIMPSEST_CUDA=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$build.log" 2>&1 || {
    cat "$build.log" >&2
    exit 1
  }
  # One run a file, however often it is compiled; several at a time.
  # shellcheck disable=SC2086
  sed -n 's/^ *"file": "\(.*\)".*/\1/p' "$build/compile_commands.json" | sort -u |
    xargs -P "$(nproc)" -n 4 clang-tidy-14 -p "$build" --quiet $extra 2>"$build.err"
  if [ $? -ne 0 ]; then
    grep -v ' warnings\? generated\.$' "$build.err" >&2
    status=1
  fi
  # The tests use _Float16, which clang 14 has for that processor only.
  extra="--extra-arg=-Wno-unknown-warning-option --extra-arg=-mavx512fp16"
done
exit $status
