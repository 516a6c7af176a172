#!/bin/sh
# Random calls and wrong arguments for libpalimpsest: with AddressSanitizer and UBSan, then fewer of them under
# valgrind where that is installed. run.sh [ROUNDS [SEED]]; without arguments it takes a minute, most of it compiling.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
rounds=${1:-3000}
seed=${2:-1}
builds=$here/../../../../target/hostile
build() {
  cmake -S "$here" -B "$builds/$1" -DPALIMPSEST_SANITIZE="$2" -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$builds/$1.log" &&
    cmake --build "$builds/$1" --parallel 4 >>"$builds/$1.log" || {
    cat "$builds/$1.log" >&2
    exit 1
  }
}
mkdir -p "$builds"
build sanitized address,undefined
printf 'Address and undefined-behaviour sanitizers: '
UBSAN_OPTIONS=print_stacktrace=1 "$builds/sanitized/calls" "$rounds" "$seed"
if command -v valgrind >/dev/null; then
  build plain ""
  printf 'valgrind: '
  valgrind --quiet --error-exitcode=1 --leak-check=full "$builds/plain/calls" $((rounds / 100 + 1)) "$seed"
else
  echo "valgrind: not run, for it is not installed (package valgrind)."
fi
