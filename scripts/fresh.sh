#!/usr/bin/env bash
# Install the newest wheel of dist in a new environment, as a user does, and time it: first without
# napari, where the README is run as it stands, then with napari, which must find the plugin.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
torch=${TORCH:-torch==2.13.0}
wheel=$(realpath "$(ls -t dist/*.whl | head -n 1)")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONPATH

"$python" -m venv "$place"
export PATH="$place/bin:$PATH"
# shellcheck disable=SC2086
python -m pip install -q $torch
SECONDS=0
python -m pip install -q "$wheel"
echo "installed in $SECONDS s (beyond PyTorch)"
! python -c 'import napari' 2>/dev/null || { echo "The wheel alone brought napari." >&2; exit 1; }
python scripts/run_readme.py

python -m pip install -q "$wheel[all]"
npe2 validate napari-deconv
npe2 list | grep napari-deconv
