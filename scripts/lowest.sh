#!/usr/bin/env bash
# Install the lowest versions that pyproject.toml allows, in an environment of their own, and test.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
[ -x .venv-lowest/bin/python ] || "$python" -m venv .venv-lowest
bin=.venv-lowest/bin
torch=${TORCH:-torch==2.6.0}
export PIP_DISABLE_PIP_VERSION_CHECK=1
$bin/python -m pip install -q uv
# PyTorch's builds differ by where they come from: TORCH says which.
$bin/python -m uv pip compile -q --no-annotate --resolution lowest-direct pyproject.toml |
    grep -vE '^(torch|nvidia-|triton|cuda)' > .venv-lowest/lowest.txt
# shellcheck disable=SC2086
$bin/python -m pip install -q $torch
$bin/python -m pip install -q -r .venv-lowest/lowest.txt
$bin/python -m pip install -q --no-deps -e .
$bin/python -m pip install -q -c .venv-lowest/lowest.txt \
    'pytest>=8.3' 'pytest-timeout>=2.3' 'hypothesis>=6.100' 'dask[array]>=2024.8'
cat .venv-lowest/lowest.txt
exec $bin/python -m pytest -q -o filterwarnings= tests/psf tests/degradation tests/signal tests/engine \
    tests/test_io.py tests/test_metrics.py \
    -k 'not microscpsf and not psf_generator' "$@"
