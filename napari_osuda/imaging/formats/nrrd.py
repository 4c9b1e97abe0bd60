"""NRRD files (.nrrd, .nhdr): voxels with their grid, by the format's definition.

See https://teem.sourceforge.net/nrrd/format.html. The tests hold the reader against SimpleITK and pynrrd.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError, shown
from napari_osuda.imaging.formats.stored import (
    Encoding,
    Stored,
    data_file,
    header_lines,
    read_stored,
    require_shape,
)
from napari_osuda.imaging.grid import Grid

__all__ = ["NRRD_SUFFIXES", "files_of_nrrd", "read_nrrd"]

NRRD_SUFFIXES = (".nrrd", ".nhdr")

Floats = NDArray[np.float64]

_TYPES = {
    name: dtype
    for dtype, names in {
        "i1": ("signed char", "int8", "int8_t"),
        "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
        "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
        "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
        "i4": ("int", "signed int", "int32", "int32_t"),
        "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
        "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int",
               "int64", "int64_t"),
        "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
        "f4": ("float",),
        "f8": ("double",),
    }.items()
    for name in names
}  # fmt: skip
_ENCODINGS: dict[str, Encoding] = {
    "raw": "raw", "txt": "text", "text": "text", "ascii": "text",
    "gz": "gzip", "gzip": "gzip", "bz2": "bzip2", "bzip2": "bzip2",
}  # fmt: skip
# Directions of the axes in which a header counts, to RAS; of any other space the patient's are not known.
_SPACES = {
    "right-anterior-superior": (1, 1, 1), "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1), "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1), "lps": (-1, -1, 1),
}  # fmt: skip
_UNKNOWN_SPACE = (-1, -1, 1)
_MM = {"mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "millimetre": 1.0, "cm": 10.0, "m": 1e3,
       "meter": 1e3, "um": 1e-3, "µm": 1e-3, "micron": 1e-3, "": 1.0, "???": 1.0}  # fmt: skip
# What an axis can hold and still be one of the volume's own.
_SPATIAL = {"domain", "space", "none", "???", ""}


def read_nrrd(path: Path) -> tuple[NDArray[Any], Grid]:
    """Read an image in space: stored values [I, J, K], and their grid.

    An axis of length one that is none of space's is dropped. A header that names no space, or one that is
    not the patient's (``scanner-xyz``), is taken as ITK takes it, and the grid is not ``placed``.

    Raises
    ------
    CaseError
        It is damaged, has several values a voxel, or does not say how large voxels are.
    """
    fields, stored = _header(path)
    values = read_stored(stored)
    spatial = _spatial_axes(path, fields, stored.shape)
    values = values.reshape([stored.shape[axis] for axis in spatial], order="F")
    affine, placed = _affine(path, fields, spatial)
    try:
        return values, Grid(values.shape, affine, placed=placed)
    except CaseError as error:
        raise CaseError(f"{path}: {error}") from error


def files_of_nrrd(path: Path) -> tuple[Path, ...]:
    """The header's file, and the one that holds its voxels where that is another."""
    stored = _header(path)[1]
    return (path,) if stored.path == path else (path, stored.path)


def _header(path: Path) -> tuple[dict[str, str], Stored]:
    with open(path, "rb") as stream:
        magic = stream.readline(16).strip()
        if not re.fullmatch(rb"NRRD000\d", magic):
            raise CaseError(f"{path} does not begin as a NRRD file does: it is damaged, or another format.")
        lines = header_lines(stream, path)
        end = stream.tell()
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith("#") or ":=" in line:
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise CaseError(f"{path} has a line in its header that NRRD does not have: {shown(line)}.")
        fields[re.sub(r"\s", "", name.lower())] = value.strip()
    shape = _numbers(path, fields, "sizes", int)
    require_shape(path, shape, fields.get("dimension", "no"))
    encoding = _known(path, fields, "encoding", _ENCODINGS)
    dtype = np.dtype(_known(path, fields, "type", _TYPES))
    if dtype.itemsize > 1 and encoding != "text":
        dtype = dtype.newbyteorder(_known(path, fields, "endian", {"little": "<", "big": ">"}))
    name = fields.get("datafile", "")
    return fields, Stored(
        path=data_file(path, name) if name else path,
        shape=tuple(shape),
        dtype=dtype,
        encoding=encoding,
        offset=0 if name else end,
        lines=_number(path, fields, "lineskip", 0),
        skip=_number(path, fields, "byteskip", 0),
    )


def _spatial_axes(path: Path, fields: dict[str, str], shape: tuple[int, ...]) -> list[int]:
    """The three axes that lie in space; CaseError where another holds several values."""
    kinds = [kind.lower() for kind in fields.get("kinds", "").split()] or [""] * len(shape)
    vectors = _vectors(fields.get("spacedirections", ""))
    if not vectors and "spacedirections" not in fields:
        vectors = [()] * len(shape)
    if len(kinds) != len(shape) or len(vectors) != len(shape):
        raise CaseError(f"{path} does not describe each of its {len(shape)} axes: its header is damaged.")
    other = [
        axis
        for axis, (kind, vector) in enumerate(zip(kinds, vectors, strict=True))
        if kind not in _SPATIAL or vector is None
    ]
    several = [axis for axis in other if shape[axis] != 1]
    spatial = [axis for axis in range(len(shape)) if axis not in other]
    while len(spatial) > 3 and shape[spatial[-1]] == 1:
        spatial.pop()
    if several or len(spatial) > 3:
        count = max(shape[axis] for axis in several) if several else shape[spatial[-1]]
        raise CaseError(
            f"{path} holds {count} values a voxel or {count} volumes, and a volume of one number a voxel is "
            "needed. Save the one that is to be segmented as a file of its own."
        )
    if len(spatial) < 3:
        raise CaseError(f"{path} has the shape {shape}, and a volume of three axes is needed.")
    return spatial


def _affine(path: Path, fields: dict[str, str], spatial: list[int]) -> tuple[Floats, bool]:
    """From voxels to RAS millimeters, and whether these are the patient's."""
    space = fields.get("space", "").lower()
    vectors = _vectors(fields.get("spacedirections", ""))
    affine = np.eye(4)
    if vectors:
        own = np.array([vectors[axis] for axis in spatial if len(vectors[axis] or ()) == 3], np.float64)
        origin = _vectors(fields.get("spaceorigin", "")) or [()]
        if own.shape != (3, 3) or (fields.get("spaceorigin") and len(origin[0] or ()) != 3):
            raise CaseError(
                f"{path} does not lie in a space of three axes ({shown(space)}): export it again."
            )
        factors = _factors(path, re.findall(r'"([^"]*)"', fields.get("spaceunits", "")))
        affine[:3, :3] = (own * factors).T
        affine[:3, 3] = np.array(origin[0] or (0.0, 0.0, 0.0)) * factors
        # Without an origin it is known how the axes run, and not where the image begins.
        placed = space in _SPACES and bool(fields.get("spaceorigin"))
    else:
        spacings = fields.get("spacings", "").split()
        if len(spacings) <= max(spatial):
            raise CaseError(
                f"{path} does not say how large its voxels are (no 'space directions' and no 'spacings' in "
                "its header): export it again."
            )
        units = re.findall(r'"([^"]*)"', fields.get("units", "")) or [""] * len(spacings)
        factors = _factors(path, [units[axis] for axis in spatial] if len(units) > max(spatial) else [])
        affine[:3, :3] = np.diag([abs(_float(path, spacings[axis])) for axis in spatial] * factors)
        placed = False
    return np.diag([*_SPACES.get(space, _UNKNOWN_SPACE), 1.0]) @ affine, placed


def _factors(path: Path, units: list[str]) -> Floats:
    for unit in units:
        if unit.lower() not in _MM:
            raise CaseError(f"{path} counts in {shown(unit)}, which is not a known unit of length: use mm.")
    return np.array([_MM[unit.lower()] for unit in units] if len(units) == 3 else [1.0] * 3)


def _vectors(text: str) -> list[tuple[float, ...] | None]:
    """Vectors of a field such as ``(1,0,0) none (0,1,0)``; None for an axis that does not lie in space."""
    found: list[tuple[float, ...] | None] = []
    for part in re.findall(r"\([^()]*\)|none", text.lower()):
        try:
            vector = tuple(float(number) for number in part.strip("()").split(","))
        except ValueError:
            vector = (float("nan"),)
        found.append(None if part == "none" or np.isnan(vector).any() else vector)
    return found


def _known(path: Path, fields: dict[str, str], name: str, known: dict[str, Any]) -> Any:
    value = fields.get(name, "").lower()
    if value not in known:
        what = f"{name} {shown(value)}, which is not one of {', '.join(known)}" if value else f"no {name}"
        raise CaseError(f"{path} has {what}: save it again, as a volume of numbers.")
    return known[value]


def _numbers(path: Path, fields: dict[str, str], name: str, kind: type) -> list[Any]:
    try:
        return [kind(word) for word in fields[name].split()]
    except (KeyError, ValueError):
        raise CaseError(f"{path} has no usable {name} in its header: it is damaged.") from None


def _number(path: Path, fields: dict[str, str], name: str, default: int | None) -> int:
    if default is not None and name not in fields:
        return default
    numbers = _numbers(path, fields, name, int)
    return int(numbers[0]) if numbers else -2


def _float(path: Path, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise CaseError(f"{path} has the spacing {shown(word)}, which is not a number.") from None
