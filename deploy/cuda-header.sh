#!/bin/sh
# Finds a cuda.h and prints the cgo settings for a build with the tag cuda, two lines:
#
#	CGO_CFLAGS=...
#	CGO_LDFLAGS=...
#
# In a shell:  deploy/cuda-header.sh > flags && while read -r l; do export "$l"; done < flags
# In make, which takes the lines as they are:  include a file that this was written to.
#
# The header comes from a CUDA toolkit of 12.0 or newer (CUDA_HOME, CUDA_PATH,
# /usr/local/cuda, nvcc on the PATH), else from NVIDIA's Python wheel, which is kept in
# .cache. Only the header is used: nothing of the toolkit or the wheel is linked.
# Exits 1 with one line on stderr when there is neither.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cache=$root/.cache/cuda-header
package=nvidia-cuda-runtime

. "$root/deploy/wheels.sh"

# usable DIR: has a cuda.h of 12.0 or newer.
usable() {
	[ -f "$1/cuda.h" ] || return 1
	version=$(sed -n 's/^#define CUDA_VERSION  *\([0-9][0-9]*\).*/\1/p' "$1/cuda.h" | head -n 1)
	[ "${version:-0}" -ge 12000 ]
}

toolkit() {
	nvcc=$(command -v nvcc 2>/dev/null) && nvcc=$(dirname -- "$(dirname -- "$(readlink -f -- "$nvcc")")") || nvcc=
	for home in "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda "$nvcc"; do
		[ -n "$home" ] || continue
		for dir in "$home/include" "$home/targets/$(uname -m)-linux/include"; do
			if usable "$dir"; then
				printf '%s\n' "$dir"
				return 0
			fi
		done
	done
	return 1
}

unpacked() {
	for dir in "$cache"/nvidia/*/include; do
		if usable "$dir"; then
			printf '%s\n' "$dir"
			return 0
		fi
	done
	return 1
}

# download fetches the wheel into a folder of its own, then moves that into place. A folder
# that is in place and good is never touched again: another build may be reading it.
download() {
	one_at_a_time "$root/.cache/cuda-header.lock" || { why="$root/.cache cannot be written"; return 1; }
	if unpacked >/dev/null; then
		return 0
	fi
	scratch "$root/.cache" || return 1
	fetch_wheels "$tmp" "$package==13.0.96" || {
		rm -rf "$tmp/unpacked"
		fetch_wheels "$tmp" "$package>=13.0,<13.1" || return 1
	}
	rm -rf "$cache" && mv "$tmp/unpacked" "$cache" || { why="$cache cannot be written"; return 1; }
}

# quoted PATH: as Go wants a flag with blanks in it.
quoted() {
	case $1 in
	*[[:space:]]*) printf "'%s'" "$1" ;;
	*) printf '%s' "$1" ;;
	esac
}

why='the wheel has no cuda.h'
if ! dir=$(toolkit) && ! dir=$(unpacked); then
	if ! download || ! dir=$(unpacked); then
		echo "cuda-header: no cuda.h: no CUDA toolkit 12.0 or newer (set CUDA_HOME), and $why" >&2
		exit 1
	fi
fi

# Our folders stand first: include/cuda.h wraps the real one, lib/libcuda.so is empty.
# go-nvml wraps every call of NVML, the deprecated ones too, and the compiler names each.
printf 'CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations %s %s\n' "$(quoted "-I$root/internal/cuda/include")" "$(quoted "-I$dir")"
printf 'CGO_LDFLAGS=-O2 -g %s %s\n' "$(quoted "-L$root/internal/cuda/lib")" \
	'-Wl,--export-dynamic -Wl,--unresolved-symbols=ignore-in-object-files -Wl,-z,lazy'
