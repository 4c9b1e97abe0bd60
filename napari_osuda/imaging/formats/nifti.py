"""NIfTI, Analyze and MGH files: opened so that what is damaged becomes a sentence, with their geometry."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from napari_osuda.errors import CaseError
from napari_osuda.imaging.grid import Grid, Reorientation, corners_apart

__all__ = [
    "NIFTI_SUFFIXES",
    "files_of_nifti",
    "forms_disagree",
    "mm_per_unit",
    "nifti_grid",
    "opened",
    "spatial_shape",
]

NIFTI_SUFFIXES = (".nii.gz", ".nii", ".hdr", ".img", ".mgz", ".mgh")

# Codes of the header's unit of space (the lowest three bits of xyzt_units), mm; an unknown unit counts as mm.
_MM = {1: 1e3, 2: 1.0, 3: 1e-3}
# NIfTI-1 and NIfTI-2 by the size of their header: where the magic word and vox_offset stand, how the latter
# is stored, and the first byte at which voxels of a single file can lie.
_LAYOUTS = {348: (344, 108, "f", 352), 540: (4, 168, "q", 544)}
# Where an MGH header says whether it knows an orientation (goodRASFlag, two bytes).
_RAS_FLAG = 28
# Of two voxel sizes that are one: templates differ by more, and rounding by less.
_SIZES_ALIKE = 0.02


def mm_per_unit(header: Any) -> float:
    """Millimeters in the unit of space that a NIfTI header names: nibabel gives affines in that unit."""
    return _MM.get(int(header["xyzt_units"]) & 7, 1.0)


def nifti_grid(image: Any, path: Path) -> Grid:
    """The voxel grid of an image, in millimeters whatever its header counts in.

    Raises
    ------
    CaseError
        The header gives the voxels no usable place or size.
    """
    _require_sizes(image, path)
    header = image.header if isinstance(image.header, nib.Nifti1Header) else None
    affine = np.array(image.affine, np.float64)
    if header is not None:
        affine[:3] *= mm_per_unit(header)
    try:
        return Grid(image.shape[:3], affine, header, placed=_is_placed(image, path))
    except CaseError as error:
        raise CaseError(f"{path}: {error}") from error


def forms_disagree(grid: Grid) -> bool:
    """Whether a header's sform and qform, both coded, name other directions or sizes, or two places.

    The sform is used, as nibabel and most programs do. Where it leads to a template, its millimeters are
    not the patient's.
    """
    header: Any = grid.header
    if header is None or not (header["sform_code"] > 0 and header["qform_code"] > 0):
        return False
    try:
        other = np.array(header.get_qform(), np.float64)
        other[:3] *= mm_per_unit(header)
        qform = Grid(grid.shape, other)
    except (ValueError, CaseError, nib.spatialimages.HeaderDataError):
        # A qform that cannot be is not one that says something else.
        return False
    turned = Reorientation.between(qform, grid)
    sizes = np.allclose(qform.spacing, grid.spacing, rtol=_SIZES_ALIKE)
    if any(turned.flips) or turned.reorder(range(3)) != (0, 1, 2) or not sizes:
        return True
    # Of one name two places are one too many; a registration gives the sform another name.
    same_name = header["sform_code"] == header["qform_code"]
    return bool(same_name) and corners_apart(qform, grid) > max(grid.spacing)


def _require_sizes(image: Any, path: Path) -> None:
    """CaseError where the sizes of voxels, if they are needed, are none: nibabel takes 1 mm for 0."""
    header = image.header
    if not isinstance(header, nib.AnalyzeHeader):
        return
    if isinstance(header, nib.Nifti1Header) and header["sform_code"] > 0:
        return
    file = files_of_nifti(path)[0]
    open_file: Any = gzip.open if file.suffix.lower() == ".gz" else open
    with open_file(file, "rb") as stream:
        start = stream.read(len(header.binaryblock))
    steps = type(header)(start, endianness=header.endianness, check=False)["pixdim"][1:4]
    if not np.isfinite(steps).all() or (steps == 0).any():
        raise CaseError(
            f"{path} gives its voxels the size {' x '.join(f'{v:g}' for v in steps)}, which cannot be: "
            "mend pixdim in the header, or convert the images again."
        )


def files_of_nifti(path: Path) -> tuple[Path, ...]:
    """The file, or of a pair the header and the image, whichever of them is given."""
    if path.suffix.lower() not in (".hdr", ".img"):
        return (path,)
    upper = path.suffix.isupper()
    pair = [path.with_suffix(suffix.upper() if upper else suffix) for suffix in (".hdr", ".img")]
    return tuple(part for part in pair if part.is_file())


def _is_placed(image: Any, path: Path) -> bool:
    """Whether a header says how the voxels lie in the scanner, and not how large they are alone."""
    header = image.header
    if isinstance(header, nib.MGHImage.header_class):
        # nibabel fills in an orientation where the flag says that there is none, and sets the flag.
        open_file: Any = gzip.open if path.suffix.lower() == ".mgz" else open
        with open_file(path, "rb") as stream:
            return bool(any(stream.read(_RAS_FLAG + 2)[_RAS_FLAG:]))
    if isinstance(header, nib.Nifti1Header):
        return bool(header["qform_code"] > 0 or header["sform_code"] > 0)
    # Analyze knows no directions; SPM's own kind of it keeps an affine in a file beside.
    return not isinstance(header, nib.AnalyzeHeader)


def spatial_shape(image: Any, path: Path) -> tuple[int, ...]:
    """Shape without axes of length one beyond the third: three or four axes.

    Raises
    ------
    CaseError
        The image has another number of axes, no voxels, or voxels that are no single numbers.
    """
    whole = tuple(int(n) for n in image.shape)
    shape = whole[:3] + tuple(n for n in whole[3:] if n != 1)
    if len(shape) not in (3, 4) or 0 in shape:
        raise CaseError(f"{path} has the shape {whole}, and a volume of three axes is needed.")
    dtype = image.get_data_dtype()
    if dtype.kind not in "biuf":
        raise CaseError(f"{path} holds {dtype} values; an MRI volume has one real number a voxel.")
    return shape


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an image to read its voxels, and turn what a damaged file does to that into one sentence."""
    try:
        mended = _with_offset(path)
        if mended is not None:
            kind: Any = (
                nib.Nifti2Image if 540 in (_size(mended, "<"), _size(mended, ">")) else nib.Nifti1Image
            )
            yield kind.from_bytes(mended)
            return
        if path.suffix.lower() == ".mgh":
            # By name nibabel opens it and does not close it.
            with open(path, "rb") as plain:
                yield nib.MGHImage.from_stream(plain)
            return
        # A memory map would tie the data to a file that the user may move or replace.
        image: Any = nib.load(path, mmap=False)
        if path.suffix.lower() not in (".gz", ".mgz"):
            yield image
            return
        with gzip.open(path) as stream:
            yield type(image).from_stream(stream)
            # The checksum stands behind the last voxel, where nibabel stops reading.
            while stream.read(1 << 20):
                pass
    except CaseError:
        raise
    except PermissionError as error:
        raise CaseError(f"{path} may not be read: {error.strerror}.") from error
    except MemoryError as error:
        raise CaseError(f"{path} does not fit into memory; its header may be damaged.") from error
    except Exception as error:  # nibabel, gzip and zlib share no base class for what a damaged file does
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise CaseError(
            f"{path} cannot be read; it is damaged, cut short or not an MRI file ({reason})."
        ) from error


def _size(content: bytes, order: str) -> int:
    """The size of the header that a file begins with, in either order of bytes."""
    return int(struct.unpack_from(f"{order}i", content)[0]) if len(content) >= 348 else 0


def _with_offset(path: Path) -> bytes | None:
    """The file's bytes where its header puts the voxels into the header itself, with that mended; else None.

    The standard has voxels of a single file begin behind the header (a vox_offset below 352 counts as 352),
    and nibabel takes the number as it is.
    """
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return None
    open_file: Any = gzip.open if name.endswith(".gz") else open
    with open_file(path, "rb") as stream:
        start = bytes(stream.read(540))
        for order in "<>":
            size = _size(start, order)
            magic, at, kind, first = _LAYOUTS.get(size, (0, 0, "", 0))
            if not first or len(start) < size or start[magic : magic + 2] != b"n+":
                continue
            # Also where it is no number.
            if struct.unpack_from(order + kind, start, at)[0] >= first:
                return None
            whole = bytearray(start + stream.read())
            struct.pack_into(order + kind, whole, at, first)
            return bytes(whole)
    return None
