"""The command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    try:
        # Here, so that a Ctrl-C while this loads is a stop like any other.
        from napari_osuda.cli.commands import main as run

        return run(argv)
    except KeyboardInterrupt:
        sys.stderr.write("napari-osuda: stopped.\n")
        return 130
