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

# download fetches the wheel into a folder of its own, then moves that into place, so that
# two builds at the same time do not meet half a header.
download() {
	command -v python3 >/dev/null 2>&1 || return 1
	mkdir -p "$root/.cache"
	tmp=$(mktemp -d "$root/.cache/cuda-header.XXXXXX") || return 1
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 1' HUP INT TERM
	for version in '==13.0.96' '>=13.0,<13.1'; do
		python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
			--dest "$tmp" "$package$version" >"$tmp/log" 2>&1 || continue
		python3 -m zipfile -e "$tmp"/*.whl "$tmp/unpacked" || return 1
		rm -rf "$cache"
		mv "$tmp/unpacked" "$cache"
		return 0
	done
	return 1
}

# quoted PATH: as Go wants a flag with blanks in it.
quoted() {
	case $1 in
	*[[:space:]]*) printf "'%s'" "$1" ;;
	*) printf '%s' "$1" ;;
	esac
}

if ! dir=$(toolkit) && ! dir=$(unpacked); then
	if ! download || ! dir=$(unpacked); then
		echo "cuda-header: no cuda.h: no CUDA toolkit 12.0 or newer (set CUDA_HOME), and pip cannot download $package 13.0" >&2
		exit 1
	fi
fi

# Our folders stand first: include/cuda.h wraps the real one, lib/libcuda.so is empty.
printf 'CGO_CFLAGS=-O2 -g %s %s\n' "$(quoted "-I$root/internal/cuda/include")" "$(quoted "-I$dir")"
printf 'CGO_LDFLAGS=-O2 -g %s %s\n' "$(quoted "-L$root/internal/cuda/lib")" \
	'-Wl,--export-dynamic -Wl,--unresolved-symbols=ignore-in-object-files -Wl,-z,lazy'
