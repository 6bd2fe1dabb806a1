#!/bin/sh
# Puts ptxas and nvdisasm, which only the tests need, into .cache/cuda/bin from NVIDIA's
# wheels. Does nothing if they are there. Exits 1 with one line on stderr when it cannot.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
bin=$root/.cache/cuda/bin

. "$root/deploy/wheels.sh"

present() { [ -x "$bin/ptxas" ] && [ -x "$bin/nvdisasm" ]; }

# install_tool NAME moves a tool into place only after it has run, and in one step: a test
# that runs the old one keeps it.
install_tool() {
	found=$(find "$tmp/unpacked" -path "*/bin/$1" -type f | head -n 1)
	[ -n "$found" ] || { why="the wheels have no $1"; return 1; }
	chmod 755 "$found"
	"$found" --version >/dev/null 2>&1 || { why="$1 does not run on this machine"; return 1; }
	mkdir -p "$bin" && mv -f "$found" "$bin/$1"
}

install() {
	one_at_a_time "$root/.cache/cuda-tools.lock" || { why="$root/.cache cannot be written"; return 1; }
	if present; then
		return 0
	fi
	scratch "$root/.cache" || return 1
	fetch_wheels "$tmp" nvidia-cuda-nvcc==13.0.88 nvidia-cuda-nvdisasm==13.2.78 || return 1
	install_tool ptxas && install_tool nvdisasm
}

why='.cache/cuda/bin cannot be written'
if ! present && ! install; then
	echo "cuda-tools: no ptxas and nvdisasm for the tests: $why" >&2
	exit 1
fi
