#!/bin/sh
# Says in one sentence which system library is missing and how to get it. A missing library of the
# window system is a warning: everything but the viewer works without it.
set -u
python=${1:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "napari-osuda needs Python 3.11 or newer; '$python' is not. On Debian: apt-get install python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2
    exit 1
fi
[ "$(uname -s)" = Linux ] || exit 0
missing=""
while read -r library package; do
    if ! ldconfig -p 2>/dev/null | grep -q "$library" && ! /sbin/ldconfig -p 2>/dev/null | grep -q "$library"; then
        missing="$missing $package"
    fi
done <<LIST
libEGL.so.1 libegl1
libGL.so.1 libgl1
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-render-util.so.0 libxcb-render-util0
libxcb-xinerama.so.0 libxcb-xinerama0
libxcb-shape.so.0 libxcb-shape0
libxcb-randr.so.0 libxcb-randr0
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libglib-2.0.so.0 libglib2.0-0
LIST
if [ -n "$missing" ]; then
    echo "The viewer needs system libraries that are missing here. On Debian: apt-get install$missing" >&2
    echo "(Without them the command line still works: make demo ARGS=--no-gui)" >&2
fi
exit 0
