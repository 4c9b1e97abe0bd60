#!/bin/sh
# Runs a command on the machine's display, or on a virtual one of its own where there is none.
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname -s)" != Linux ]; then
    exec "$@"
fi
if ! command -v xvfb-run >/dev/null 2>&1; then
    echo "There is no display and no Xvfb to make one. On Debian: apt-get install xvfb xauth" >&2
    exit 1
fi
exec xvfb-run -a -s "-screen 0 1920x1200x24 +extension GLX" "$@"
