#!/usr/bin/env bash
# Fetch the system packages that a window needs on Debian and Ubuntu, if any is missing.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 0

packages=(
    xvfb xauth libfontconfig1 libglib2.0-0 libgl1 libegl1 libgl1-mesa-dri libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0
    libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0
    libxcb-shape0 libxcb-xinerama0 libxcb-xfixes0
)
python=${PYTHON:-python3}
# Debian's Python comes without what `python -m venv` needs.
"$python" -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)

give_up() {
    printf 'NOTE: %s\n      The window needs: %s\n      Going on without.\n' "$1" "${missing[*]}" >&2
    exit 0
}

missing=("${packages[@]}")
command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || give_up 'There is no apt here.'

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
    # Ask for a password only where somebody can type it.
    if [ -t 0 ]; then root=(sudo); else root=(sudo -n); fi
    command -v sudo >/dev/null && "${root[@]}" true || give_up 'Not root, and sudo is not available.'
fi
export DEBIAN_FRONTEND=noninteractive
echo "Installing with apt: ${missing[*]}"
"${root[@]}" apt-get update -qq || echo 'NOTE: apt-get update failed; trying with the lists at hand.' >&2
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" || give_up 'apt-get install failed.'
