"""MetaImage files (.mha, .mhd): voxels with their grid, by the format's definition.

See https://github.com/Kitware/MetaIO. The tests hold the reader against SimpleITK.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError, shown
from napari_osuda.imaging.formats.stored import Stored, data_file, read_stored, require_shape
from napari_osuda.imaging.grid import Grid
from napari_osuda.lazy import nib

__all__ = ["META_SUFFIXES", "files_of_metaimage", "read_metaimage"]

META_SUFFIXES = (".mha", ".mhd")

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_LONGEST_HEADER = 1 << 20
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# An axis this near to one of the patient's has no other letter.
_CLEAR = 0.8
_OPPOSITE = dict(zip("RLAPIS", "LRPASI", strict=True))


def read_metaimage(path: Path) -> tuple[NDArray[Any], Grid]:
    """Read an image in space: stored values [I, J, K], and their grid.

    The format counts in LPS millimeters. Where the header has no directions, or names others than its
    matrix does, the grid is not ``placed``.

    Raises
    ------
    CaseError
        It is damaged, has several values a voxel, or does not say how large voxels are.
    """
    fields, stored = _header(path)
    values = read_stored(stored)
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise CaseError(
            f"{path} has the shape {stored.shape}, and a volume of three axes is needed. Save the one that "
            "is to be segmented as a file of its own."
        )
    affine, placed = _affine(path, fields, len(stored.shape))
    try:
        return values, Grid(values.shape, affine, placed=placed)
    except CaseError as error:
        raise CaseError(f"{path}: {error}") from error


def files_of_metaimage(path: Path) -> tuple[Path, ...]:
    """The header's file, and the one that holds its voxels where that is another."""
    stored = _header(path)[1]
    return (path,) if stored.path == path else (path, stored.path)


def _header(path: Path) -> tuple[dict[str, str], Stored]:
    fields: dict[str, str] = {}
    with open(path, "rb") as stream:
        # The name of the data's file is the last line of the header.
        while "elementdatafile" not in fields and stream.tell() < _LONGEST_HEADER:
            line = stream.readline(4096).decode("utf-8", errors="replace")
            name, equals, value = line.partition("=")
            if not line or (not equals and line.strip()):
                break
            fields[name.strip().lower()] = value.strip()
        end = stream.tell()
    if "elementdatafile" not in fields or "dimsize" not in fields:
        raise CaseError(f"{path} has no header of a MetaImage: it is damaged, or another format.")
    shape = tuple(int(n) for n in _numbers(path, fields, "dimsize", whole=True))
    require_shape(path, shape, fields.get("ndims", "no"))
    dtype = _TYPES.get(fields.get("elementtype", "").upper())
    channels = fields.get("elementnumberofchannels", "1")
    if dtype is None or channels != "1":
        what = f"{shown(channels)} values" if channels != "1" else shown(fields.get("elementtype", "no type"))
        raise CaseError(f"{path} holds {what} a voxel, and a volume of one number a voxel is needed.")
    if _numbers(path, fields, "elementtointensityfunctionslope", 1.0) != [1.0] or _numbers(
        path, fields, "elementtointensityfunctionoffset", 0.0
    ) != [0.0]:
        raise CaseError(
            f"{path} has a rescaling in its header that programs read differently "
            "(ElementToIntensityFunction): save it again without."
        )
    compressed = _yes(fields, "compresseddata")
    big = _yes(fields, "binarydatabyteordermsb") or _yes(fields, "elementbyteordermsb")
    name = fields["elementdatafile"]
    attached = name.upper() == "LOCAL"
    skip = int(_numbers(path, fields, "headersize", 0.0)[0])
    return fields, Stored(
        path=path if attached else data_file(path, name),
        shape=shape,
        dtype=np.dtype(dtype).newbyteorder(">" if big else "<"),
        encoding="zlib" if compressed else "raw" if _yes(fields, "binarydata", "true") else "text",
        offset=(end if attached else 0) + (max(skip, 0) if compressed else 0),
        skip=0 if compressed else skip,
    )


def _affine(path: Path, fields: dict[str, str], axes: int) -> tuple[NDArray[np.float64], bool]:
    """From voxels to RAS millimeters, and whether these are the patient's."""
    spacing = _first(fields, "elementspacing", "elementsize")
    if spacing is None:
        raise CaseError(
            f"{path} does not say how large its voxels are (no ElementSpacing in its header): "
            "export it again."
        )
    steps = np.array(_numbers(path, fields, spacing, count=axes))[:3]
    matrix = _first(fields, "transformmatrix", "rotation", "orientation")
    # Each axis of the image has a row of its own.
    directions = np.eye(axes)
    if matrix is not None:
        directions = np.array(_numbers(path, fields, matrix, count=axes**2)).reshape(axes, axes)
    offset = _first(fields, "offset", "position", "origin")
    affine = np.eye(4)
    affine[:3, :3] = directions[:3, :3].T * np.abs(steps)
    if offset is not None:
        affine[:3, 3] = np.array(_numbers(path, fields, offset, count=axes))[:3]
    affine = _TO_RAS @ affine
    return affine, matrix is not None and offset is not None and _agrees(fields, affine)


def _agrees(fields: dict[str, str], affine: NDArray[np.float64]) -> bool:
    """Whether the letters of a header, if it has any, are those of its matrix."""
    letters = fields.get("anatomicalorientation", "").upper()
    if len(letters) != 3 or any(letter not in _OPPOSITE for letter in letters):
        return True
    if not np.isfinite(affine).all():
        return False
    with np.errstate(all="ignore"):
        unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    clear = np.abs(unit).max(axis=0) > _CLEAR
    # They say where an axis begins, and nibabel's where it ends.
    orientations: Any = nib.orientations
    towards = orientations.aff2axcodes(affine)
    return all(
        _OPPOSITE[letter] == code for letter, code, sure in zip(letters, towards, clear, strict=True) if sure
    )


def _first(fields: dict[str, str], *names: str) -> str | None:
    return next((name for name in names if fields.get(name)), None)


def _yes(fields: dict[str, str], name: str, default: str = "false") -> bool:
    return fields.get(name, default).lower() in ("true", "1", "yes")


def _numbers(
    path: Path,
    fields: dict[str, str],
    name: str,
    default: float | None = None,
    *,
    count: int | None = None,
    whole: bool = False,
) -> list[float]:
    if default is not None and name not in fields:
        return [default]
    try:
        found = [float(int(word)) if whole else float(word) for word in fields[name].split()]
    except (KeyError, ValueError):
        found = []
    if not found or (count is not None and len(found) != count) or not np.isfinite(found).all():
        raise CaseError(f"{path} has no usable {name} in its header: it is damaged.")
    return found
