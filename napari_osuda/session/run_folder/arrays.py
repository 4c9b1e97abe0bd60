"""Arrays of a run folder's ``.npz`` files, which anybody may have written."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_arrays"]

# Bytes of all arrays: 1000 iterations of 100,000 channels, twice. Curves that stand still compress well, but
# a file may not become more than so much, or so many times its size.
_LARGEST, _LARGE, _GROWTH = 2**30, 2**26, 200
_MOST = 64


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a file.

    Raises
    ------
    OSError, ValueError
        It cannot be read, is damaged, holds Python objects, or would take more memory than it should.
    """
    if not path.is_file():
        raise ValueError("it is no file")
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = [info.file_size for info in archive.infolist()]
        if len(sizes) > _MOST or sum(sizes) > _LARGEST:
            raise ValueError("it is too large")
        if sum(sizes) > max(_LARGE, _GROWTH * path.stat().st_size):
            raise ValueError("it would grow without measure")
        with np.load(path, allow_pickle=False) as arrays:
            # The memory is asked for by what a header says, and filled from what is there.
            found = {name: arrays[name] for name in arrays.files}
        # What does not begin as an array comes as it stands.
        if not all(isinstance(array, np.ndarray) for array in found.values()):
            raise ValueError("it holds something that is not an array")
        return found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(str(error)) from error
    except MemoryError as error:
        raise ValueError("its arrays do not fit into memory") from error
