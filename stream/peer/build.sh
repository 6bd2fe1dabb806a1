#!/bin/sh
# Builds the C and CUDA C peers on the machine where they run: build.sh [folder]
# gcc is CC or gcc; the library is FOLDER/libpeer.so. nvcc is NVCC or nvcc; where
# there is one and a GPU, the kernels are FOLDER/peer.cubin.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-.}
mkdir -p "$out"
"${CC:-gcc}" -O3 -march=native -fopenmp -shared -fPIC -Wall -Wextra -o "$out/libpeer.so" "$here/peer.c"
echo "$out/libpeer.so"
if command -v "${NVCC:-nvcc}" >/dev/null && [ -e /dev/nvidiactl ]; then
	"${NVCC:-nvcc}" -O3 -arch=native -cubin -o "$out/peer.cubin" "$here/peer.cu"
	echo "$out/peer.cubin"
fi
