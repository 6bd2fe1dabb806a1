#!/bin/sh
# Puts a Python with the engines that tests start, llama.cpp and JAX, into .cache/python from
# wheels of PyPI (170 MB); only the tests need it. Does nothing if it is there as
# python-tools.txt says. Exits 1 with one line on stderr when it cannot.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
venv=$root/.cache/python
list=$root/deploy/python-tools.txt

. "$root/deploy/wheels.sh"

present() { [ -x "$venv/bin/python" ] && cmp -s "$list" "$venv/python-tools.txt"; }

# installed DIR: makes the environment in DIR. Its pip is that of the machine.
installed() {
	python3 -m venv --without-pip "$1" >"$tmp/log" 2>&1 || { why="python3 -m venv fails: $(last_line "$tmp/log")"; return 1; }
	if ! $pip --python "$1/bin/python" install --quiet --disable-pip-version-check --no-input --no-deps \
		--only-binary=:all: --no-compile --retries 2 --timeout 20 -r "$list" >"$tmp/log" 2>&1; then
		why="pip cannot install $(basename "$list"): $(last_line "$tmp/log") (offline?)"
		return 1
	fi
	"$1/bin/python" -c 'import gguf, jax, xllamacpp' >"$tmp/log" 2>&1 || { why="what was installed does not run on this machine: $(last_line "$tmp/log")"; return 1; }
}

# The environment moves into place when it is whole and has run.
install() {
	command -v python3 >/dev/null 2>&1 || { why='there is no python3'; return 1; }
	pip_command || return 1
	one_at_a_time "$root/.cache/python-tools.lock" || { why="$root/.cache cannot be written"; return 1; }
	if present; then
		return 0
	fi
	scratch "$root/.cache" || return 1
	installed "$tmp/python" || return 1
	rm -rf "$venv" && mv "$tmp/python" "$venv" && cp "$list" "$venv" || { why="$venv cannot be written"; return 1; }
}

why='.cache/python cannot be written'
if ! present && ! install; then
	echo "python-tools: no llama.cpp and JAX for the tests: $why" >&2
	exit 1
fi
