"""The command line."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    interrupted = False
    _open_streams()

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        signal.default_int_handler(signum, frame)

    own = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, note) if own else None
    try:
        # Here, so that a Ctrl-C while this loads is a stop like any other.
        from napari_osuda.cli.commands import main as run

        code = run(argv)
        # A library that was loading may have made another error of it.
        return 130 if code == 1 and interrupted else code
    except KeyboardInterrupt:
        sys.stderr.write("napari-osuda: stopped.\n")
        return 130
    finally:
        with suppress(KeyboardInterrupt):
            from napari_osuda.cli.printing import flush

            flush()
        if own:
            signal.signal(signal.SIGINT, before)


def _open_streams() -> None:
    """Where a caller has closed the standard streams, the next file that is opened would be taken for one."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is the one that is missing.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, as long as we run
            setattr(sys, name, nowhere)
