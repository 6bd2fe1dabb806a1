#!/usr/bin/env bash
# Puts ptxas and nvdisasm, which only the tests need, into .cache/cuda/bin from
# NVIDIA's wheels. Does nothing if they are there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/.cache/cuda/bin
[ -x "$bin/ptxas" ] && [ -x "$bin/nvdisasm" ] && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m pip download -q --disable-pip-version-check --no-deps -d "$tmp" \
	nvidia-cuda-nvcc==13.0.88 nvidia-cuda-nvdisasm==13.2.78 ||
	{ echo "cuda-tools: cannot download the wheels nvidia-cuda-nvcc and nvidia-cuda-nvdisasm" >&2; exit 1; }
mkdir -p "$bin"
for wheel in "$tmp"/*.whl; do
	python3 - "$wheel" "$bin" <<'PY'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for name in z.namelist():
        base = os.path.basename(name)
        if base in ("ptxas", "nvdisasm") and "/bin/" in name:
            target = os.path.join(sys.argv[2], base)
            with open(target, "wb") as f:
                f.write(z.read(name))
            os.chmod(target, 0o755)
PY
done
"$bin/ptxas" --version >/dev/null && "$bin/nvdisasm" --version >/dev/null
