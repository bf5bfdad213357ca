#!/usr/bin/env bash
# Run a command on a virtual screen; with --if-needed only where there is no real one.
set -euo pipefail

if [ "${1:-}" = --if-needed ]; then
    shift
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname -s)" != Linux ]; then exec "$@"; fi
fi
[ "$(uname -s)" = Linux ] || exec "$@"
if ! command -v xvfb-run >/dev/null; then
    echo 'NOTE: xvfb-run is missing; Qt draws offscreen, without OpenGL.' >&2
    QT_QPA_PLATFORM=offscreen exec "$@"
fi
unset WAYLAND_DISPLAY
exec xvfb-run -a -s '-screen 0 1600x1000x24' "$@"
