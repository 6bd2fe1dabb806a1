#!/bin/sh
# Builds the C peers on the machine where they run: build.sh [folder]
# gcc is CC or gcc; the library is FOLDER/libpeer.so.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-.}
mkdir -p "$out"
"${CC:-gcc}" -O3 -march=native -fopenmp -shared -fPIC -Wall -Wextra -o "$out/libpeer.so" "$here/peer.c"
echo "$out/libpeer.so"
