"""Text on the terminal, with nothing in it that would drive the terminal."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from napari_osuda.errors import printable

__all__ = ["flush", "say"]


def say(text: object = "", *, file: TextIO | None = None) -> None:
    """Print; names come out of files, and what cannot be shown of them is escaped.

    Where the reader has gone (``| head``), the work goes on unheard.
    """
    stream = file or sys.stdout
    try:
        print(printable(str(text), kept="\n\t"), file=stream, flush=True)
    except BrokenPipeError:
        _silence(stream)


def flush() -> None:
    """Let go what others have printed, so that nothing is left to fail when the program ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            _silence(stream)


def _silence(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
