#!/usr/bin/env bash
# Create .venv and install the package in it, editable, with everything the tests need.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
torch=${TORCH:-torch==2.13.0}

"$python" - <<'EOF'
import sys
if sys.version_info < (3, 11):
    sys.exit(f"Python {sys.version.split()[0]} is too old: set PYTHON to 3.11 or newer.")
EOF
[ -x .venv/bin/python ] || "$python" -m venv .venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
# Torch first and by its exact version: what a bare name resolves to can be gigabytes larger.
# Unquoted on purpose: TORCH may carry pip's options.
# shellcheck disable=SC2086
.venv/bin/python -m pip install $torch
.venv/bin/python -m pip install -e '.[test]'
