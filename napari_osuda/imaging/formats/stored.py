"""Voxels behind a text header, in the same file or another: raw, compressed or written out as numbers."""

from __future__ import annotations

import bz2
import gzip
import io
import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError, shown

__all__ = [
    "Encoding",
    "Stored",
    "data_file",
    "header_lines",
    "read_stored",
    "require_growth",
    "require_shape",
    "require_stored",
]

Encoding = Literal["raw", "gzip", "bzip2", "zlib", "text"]

_LONGEST_HEADER = 1 << 20
# A compressed byte stands for at most so many.
_DENSEST = {"raw": 1, "gzip": 1100, "zlib": 1100, "bzip2": 50_000}
# Nor may a small file ask for all memory: masks of few labels compress a hundredfold, and are not that large.
_LARGE, _GROWTH = 2**29, 200
# Line ends and the like behind the last voxel; more says that the header describes other voxels.
_LEFT_OVER = 16
# Characters of a number that is written out, at most.
_LONGEST_NUMBER = 32
# As NRRD's own programs have it; and a cube of 65,535 voxels.
_MOST_AXES, _MOST_VOXELS = 16, 2**48
# Viewers and networks want four bytes a voxel, whatever the file has.
_AS_READ = 4


@dataclass(frozen=True)
class Stored:
    """Where the voxels of an image stand.

    Attributes
    ----------
    path : Path
        File that holds them.
    shape : tuple of int
        Along the array axes, the fastest first.
    dtype : numpy dtype
        With its order of bytes.
    encoding : {'raw', 'gzip', 'bzip2', 'zlib', 'text'}
    offset : int
        First byte of them, as they are stored.
    lines : int
        Lines to pass over from there.
    skip : int
        Bytes to pass over after decompression; -1: all but the last of raw voxels.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    encoding: Encoding
    offset: int = 0
    lines: int = 0
    skip: int = 0

    @property
    def bytes(self) -> int:
        """Number of bytes of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize


def header_lines(stream: IO[bytes], path: Path) -> list[str]:
    """Lines of a text header up to the first empty one or the end of the file, without line ends.

    Raises
    ------
    CaseError
        It is longer than any header.
    """
    lines: list[str] = []
    left = _LONGEST_HEADER
    while line := stream.readline(left):
        left -= len(line)
        if left <= 0:
            raise CaseError(f"{path} has a header without end: it is damaged, or not an image file.")
        text = line.decode("utf-8", errors="replace").strip()
        if not text:
            break
        lines.append(text)
    return lines


def data_file(header: Path, name: str) -> Path:
    """The file beside a header that holds its voxels.

    Raises
    ------
    CaseError
        The name leads out of the header's folder, stands for several files, or there is no such file.
    """
    if name.upper().startswith("LIST") or "%" in name:
        raise CaseError(
            f"{header} keeps its voxels in several files ({shown(name)}): save it as one file, "
            "with its data attached."
        )
    path = header.parent / name.replace("\\", "/")
    try:
        # Not `resolve`, which fails on links that lead in a circle.
        real = Path(os.path.realpath(path))
        inside, there = real.is_relative_to(os.path.realpath(header.parent)), path.is_file()
    except (OSError, ValueError):
        # No file can be called so.
        inside, there = True, False
    if not inside:
        raise CaseError(
            f"{header} keeps its voxels in another folder ({shown(name)}): put both files into one folder."
        )
    if not there:
        raise CaseError(f"{header} keeps its voxels in {shown(name)}, which is not there: copy both files.")
    return path


def require_shape(path: Path, shape: Sequence[int], told: str) -> None:
    """Check that sizes in a header can be those of an image.

    Parameters
    ----------
    path : Path
    shape : sequence of int
        Along each axis.
    told : str
        How many axes the header says that there are, as it says it.

    Raises
    ------
    CaseError
        They are others than it says, too many, below 1, or make more voxels than any scanner.
    """
    if str(len(shape)) != told or not 1 <= len(shape) <= _MOST_AXES or min(shape) < 1:
        axes = told if told.isdigit() and len(told) < 9 else shown(told)
        raise CaseError(f"{path} gives {len(shape):,} sizes for {axes} axes: it is damaged.")
    if max(shape) > _MOST_VOXELS or math.prod(shape) > _MOST_VOXELS:
        raise CaseError(f"{path} describes more voxels than any scanner makes: its header is damaged.")


def read_stored(stored: Stored) -> NDArray[Any]:
    """Read the voxels of an image.

    Returns
    -------
    array of ``stored.shape``
        In the machine's order of bytes; the first axis is the fastest in memory.

    Raises
    ------
    CaseError
        There are fewer or more than the header describes, or they cannot be decompressed.
    """
    path, needed = stored.path, stored.bytes
    require_stored(path, needed, stored.encoding, stored.offset, voxels=math.prod(stored.shape))
    try:
        with open(path, "rb") as file:
            file.seek(stored.offset)
            # A header may count more of them than any file has.
            passed = iter(lambda: file.readline(_LONGEST_HEADER), b"")
            for _ in islice(passed, max(min(stored.lines, needed + _LONGEST_HEADER), 0)):
                pass
            if stored.encoding == "text":
                return _written_out(file, stored)
            if stored.encoding == "raw" and stored.skip == -1:
                file.seek(max(stored.offset, path.stat().st_size - needed))
                content = file.read(needed)
            else:
                stream = _decompressed(file, stored, needed)
                _pass_over(stream, max(stored.skip, 0))
                content = stream.read(needed + _LEFT_OVER + 1)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, PermissionError):
            raise CaseError(f"{path} may not be read: {error.strerror}.") from error
        raise CaseError(f"The voxels of {path} cannot be read; the file is damaged ({error}).") from error
    except MemoryError as error:
        raise CaseError(f"{path} does not fit into memory; its header may be damaged.") from error
    if len(content) < needed:
        raise CaseError(_early(path, len(content), needed))
    if len(content) > needed + _LEFT_OVER:
        raise CaseError(
            f"{path} holds more than the {' x '.join(map(str, stored.shape))} voxels of {stored.dtype.name} "
            "that its header describes: the header belongs to another file, or was changed."
        )
    values = np.frombuffer(content, stored.dtype, math.prod(stored.shape))
    return values.astype(stored.dtype.newbyteorder("=")).reshape(stored.shape, order="F")


def require_stored(path: Path, needed: int, encoding: Encoding, offset: int = 0, *, voxels: int = 0) -> None:
    """Check, before memory is taken for them, that a file can hold the voxels that its header describes.

    Parameters
    ----------
    path : Path
    needed : int
        Bytes of all voxels.
    encoding : str
        As of `Stored`.
    offset : int
        First byte of them in the file.
    voxels : int
        How many they are.

    Raises
    ------
    CaseError
        It is too short for them, or they are so many that no honest file is that small.
    """
    size = max(path.stat().st_size - offset, 0)
    if encoding in _DENSEST and needed > _DENSEST[encoding] * size:
        raise CaseError(_early(path, size, needed))
    require_growth(str(path), max(needed, _AS_READ * voxels), size)


def require_growth(where: str, needed: int, size: int) -> None:
    """Check that so many bytes of a file may become so many in memory.

    Raises
    ------
    CaseError
        No honest image compresses like that.
    """
    if needed > _LARGE and needed > _GROWTH * size:
        raise CaseError(
            f"{where} would grow {needed // max(size, 1):,}-fold to {needed:,} bytes, which no MRI does: it "
            "is damaged or malicious. Export the image again."
        )


def _decompressed(file: IO[bytes], stored: Stored, needed: int) -> Any:
    if stored.encoding == "gzip":
        return gzip.GzipFile(fileobj=file)
    if stored.encoding == "bzip2":
        return bz2.BZ2File(file)
    if stored.encoding == "zlib":
        most = max(stored.skip, 0) + needed + _LEFT_OVER + 1
        # 47: a zlib or a gzip header, whichever is there.
        return io.BytesIO(zlib.decompressobj(47).decompress(file.read(), most))
    return file


def _pass_over(stream: Any, count: int) -> None:
    while count > 0 and (part := stream.read(min(count, 1 << 20))):
        count -= len(part)


def _written_out(file: IO[bytes], stored: Stored) -> NDArray[Any]:
    count = math.prod(stored.shape)
    words = file.read((count + 1) * _LONGEST_NUMBER).split()
    if len(words) != count:
        raise CaseError(
            f"{stored.path} holds {len(words)} numbers, and its header describes {count} voxels: "
            "it is cut short, or its header was changed."
        )
    try:
        numbers = np.array(words, dtype=bytes).astype(np.float64)
    except ValueError:
        raise CaseError(f"{stored.path} holds text that is not a number: it is damaged.") from None
    if stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype)
        if not ((numbers >= float(limits.min)) & (numbers <= float(limits.max))).all():
            raise CaseError(
                f"{stored.path} holds numbers that its type {stored.dtype.name} cannot have: its header was "
                "changed. Export the image again."
            )
    return numbers.astype(stored.dtype.newbyteorder("=")).reshape(stored.shape, order="F")


def _early(path: Path, there: int, needed: int) -> str:
    return (
        f"{path} ends early: there are {max(there, 0):,} bytes of voxels, and its header describes "
        f"{needed:,}. Copy the file again."
    )
