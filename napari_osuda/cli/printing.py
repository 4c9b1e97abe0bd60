"""Text on the terminal, with nothing in it that would drive the terminal."""

from __future__ import annotations

import sys
from typing import TextIO

from napari_osuda.errors import printable

__all__ = ["say"]


def say(text: object = "", *, file: TextIO | None = None) -> None:
    """Print; names come out of files, and what cannot be shown of them is escaped."""
    print(printable(str(text), kept="\n\t"), file=file or sys.stdout, flush=True)
