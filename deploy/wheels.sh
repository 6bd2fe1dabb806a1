# Sourced by the scripts beside it: fetches NVIDIA's wheels, of which a build takes a header
# and the tests two tools.

# pip_command sets pip to the words that run pip, or fails with a reason in why. Where Python
# has no pip of its own, one on the PATH will do.
pip_command() {
	for pip in 'python3 -m pip' 'python -m pip' pip3 pip; do
		if $pip --version >/dev/null 2>&1; then
			return 0
		fi
	done
	why='there is no pip (tried python3 -m pip, python -m pip, pip3, pip)'
	return 1
}

# fetch_wheels DIR PACKAGE==VERSION...: downloads and unpacks into DIR/unpacked. On failure
# why says what pip's last complaint was.
fetch_wheels() {
	dir=$1
	shift
	command -v python3 >/dev/null 2>&1 || { why='there is no python3'; return 1; }
	pip_command || return 1
	if ! $pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
		--retries 2 --timeout 20 --dest "$dir" "$@" >"$dir/log" 2>&1; then
		why="pip cannot download $*: $(last_line "$dir/log") (offline?)"
		return 1
	fi
	for wheel in "$dir"/*.whl; do
		python3 -m zipfile -e "$wheel" "$dir/unpacked" || { why="$wheel cannot be unpacked"; return 1; }
	done
}

last_line() {
	line=$(grep -v '^[[:space:]]*$' "$1" | tail -n 1)
	printf '%s' "${line:-it does not say why}"
}

# scratch PARENT: sets tmp to a new folder in PARENT that goes with the script.
scratch() {
	mkdir -p "$1" && tmp=$(mktemp -d "$1/fetch.XXXXXX") || { why="$1 cannot be written"; return 1; }
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 1' HUP INT TERM
}

# one_at_a_time FILE: lets one script at a time go on, where the system has flock. Without,
# two may download the same; neither meets half of the other's.
one_at_a_time() {
	command -v flock >/dev/null 2>&1 || return 0
	mkdir -p "$(dirname -- "$1")" && exec 9>"$1" && flock 9
}
