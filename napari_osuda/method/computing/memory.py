"""Memory that is asked for again at once stays with the process."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["memory_kept"]

# Of glibc's malloc.h: how large a block is a mapping of its own, and how much free memory is given back.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# As far as glibc itself goes up with them, in a process that has used blocks of that size.
_USUAL_MMAP, _USUAL_TRIM = 2**25, 2**26
_LARGE = 2**30


@contextmanager
def memory_kept() -> Iterator[None]:
    """Let the C library keep large blocks that are freed inside the block, and give all back after it.

    glibc gives a freed block of more than 32 MB back to the system. Each operation on a whole target then
    gets its result's memory anew, page by page, which takes as long as the operation itself.
    """
    library = _glibc()
    if library is None:
        yield
        return
    library.mallopt(_MMAP_THRESHOLD, _LARGE)
    library.mallopt(_TRIM_THRESHOLD, _LARGE)
    try:
        yield
    finally:
        library.mallopt(_MMAP_THRESHOLD, _USUAL_MMAP)
        library.mallopt(_TRIM_THRESHOLD, _USUAL_TRIM)
        library.malloc_trim(0)


def _glibc() -> Any:
    """The C library of this process where it is glibc; else None."""
    try:
        if not (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc"):
            return None
        return ctypes.CDLL(None)
    except (AttributeError, OSError, ValueError):
        # Windows has no confstr; macOS and musl do not know the name.
        return None
