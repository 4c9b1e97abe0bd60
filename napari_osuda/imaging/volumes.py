"""MRI files in and label files out, each with its own voxel grid."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.files import sha256_of, written_whole
from napari_osuda.imaging.dicom.series import has_dicom, is_dicom, read_series, series_of
from napari_osuda.imaging.grid import Grid

__all__ = [
    "SUFFIXES",
    "Volume",
    "digest_of",
    "read_labels",
    "read_volume",
    "title_of",
    "without_suffix",
    "write_labels",
    "write_shares",
]

SUFFIXES = (".nii.gz", ".nii", ".hdr", ".img", ".mgz", ".mgh")

# What of a NIfTI header says where the voxels are; the rest describes the intensities of the image.
_GEOMETRY = (
    *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
)


@dataclass(frozen=True, eq=False)
class Volume:
    """An image file's intensities.

    Attributes
    ----------
    data : float32 array [I, J, K] or [I, J, K, T]
        Slope and intercept applied; the file's own array order.
    grid : Grid
        Of the three spatial axes.
    path : Path
        The file.
    title : str
        As `title_of` gives it.
    """

    data: NDArray[np.float32]
    grid: Grid
    path: Path
    title: str = ""


def without_suffix(name: str) -> str:
    """File name without the suffix of an MRI file: ``"b.c.nii.gz"`` is ``"b.c"``."""
    suffix = next((s for s in SUFFIXES if name.lower().endswith(s)), "")
    return name[: len(name) - len(suffix)]


def read_volume(path: Path | str) -> Volume:
    """Read an MRI volume: NIfTI (.nii, .nii.gz, .hdr/.img; 1 and 2), Analyze, MGH (.mgz, .mgh) or DICOM.

    Axes of length one beyond the third are dropped. A DICOM series is named by one of its files or by a
    folder that holds no other; the volume's ``path`` is then the file of its first slice.

    Raises
    ------
    CaseError
        The file is not there, is no MRI file, is cut short, or is not a volume of numbers.
    """
    path = Path(path)
    if _is_series(path):
        series = series_of(path)
        dicom, grid, files = read_series(series)
        return Volume(dicom, grid, files[0], series.description)
    with _opened(path) as image, np.errstate(over="ignore"):
        shape = _spatial_shape(image, path)
        data = np.asarray(image.dataobj, dtype=np.float32).reshape(shape, order="F")
    return Volume(data, _grid(image, path), path)


def digest_of(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a volume: of its file's bytes, or over all files of its DICOM series."""
    path = Path(path)
    return series_of(path).digest() if _is_series(path) else sha256_of(path)


def title_of(path: Path | str) -> str:
    """What a DICOM series is called (its description, of one without it its folder's name); else ""."""
    path = Path(path)
    return series_of(path).description if _is_series(path) else ""


def read_labels(path: Path | str) -> tuple[NDArray[Any], Grid]:
    """Read a label volume.

    Returns
    -------
    labels : uint8, int16 or int32 array [I, J, K]
        The smallest of these types that holds the values; the file's own array order.
    grid : Grid
        Of the file.

    Raises
    ------
    CaseError
        As `read_volume`; also if the values are not whole numbers or there is a fourth axis.
    """
    path = Path(path)
    with _opened(path) as image:
        shape = _spatial_shape(image, path)
        if len(shape) != 3:
            raise CaseError(f"{path} has {shape[3]} volumes, and labels are one: split it first.")
        values = np.asarray(image.dataobj).reshape(shape, order="F")
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise CaseError(
            f"{path} holds values that are not whole numbers, so it is not a label volume: "
            "was an image given, or were labels resampled linearly?"
        )
    dtype = _label_type(values)
    if dtype is None:
        raise CaseError(f"{path} holds values up to {values.max():g}, which are no labels: check the file.")
    return values.astype(dtype), _grid(image, path)


def write_labels(path: Path | str, labels: NDArray[Any], grid: Grid) -> None:
    """Write labels as NIfTI on the grid of an image: whole or not at all.

    The file has the image's affine, sform and qform with their codes, and units, byte for byte where
    the image is NIfTI (for another format the affine is coded as scanner coordinates). Values are stored
    unscaled as uint8, or int16 or int32 where they do not fit.

    Parameters
    ----------
    path : Path or str
        Ends in ``.nii`` or ``.nii.gz``.
    labels : integer or bool array [I, J, K]
        In the array order of ``grid``.
    grid : Grid
        Of the case's first image.

    Raises
    ------
    OutputError
        The shape is not the grid's, the name has another suffix, or the place is not writable.
    """
    path = Path(path)
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise OutputError(f"Labels are written as NIfTI: {path} must end in .nii.gz or .nii.")
    if labels.shape != grid.shape:
        raise OutputError(
            f"The labels are {labels.shape} and the image is {grid.shape}: {path} is not written."
        )
    dtype = _label_type(labels) if labels.dtype.kind in "biu" else None
    if dtype is None:
        raise OutputError(
            f"Labels are whole numbers within 32 bits, not {labels.dtype}: {path} is not written."
        )
    image = _on_grid(labels.astype(dtype, copy=False), grid)
    image.header.set_intent("label", name="labels")
    _save(path, image)


def write_shares(path: Path | str, shares: NDArray[np.floating[Any]], grid: Grid) -> None:
    """Write a map of values from 0 to 1 as NIfTI on the grid of an image: whole or not at all.

    A byte a voxel, scaled by 1/255.

    Parameters
    ----------
    path : Path or str
        Ends in ``.nii`` or ``.nii.gz``.
    shares : float array [I, J, K]
        In the array order of ``grid``; what lies outside 0 to 1 is clipped.
    grid : Grid
        Of the case's first image.

    Raises
    ------
    OutputError
        The shape is not the grid's, or the place is not writable.
    """
    path = Path(path)
    if shares.shape != grid.shape:
        raise OutputError(f"The map is {shares.shape} and the image is {grid.shape}: {path} is not written.")
    stored = np.rint(np.clip(shares.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    image = _on_grid(stored, grid)
    image.header.set_slope_inter(1 / 255, 0)
    _save(path, image)


def _save(path: Path, image: Any) -> None:
    try:
        with written_whole(path) as partial:
            nib.save(image, partial)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error


def _on_grid(labels: NDArray[Any], grid: Grid) -> Any:
    """Make a NIfTI image whose header holds the geometry of the grid's own, field by field."""
    large = max(labels.shape) > np.iinfo(np.int16).max
    # nibabel's classes carry no types.
    kind: Any = nib.Nifti2Image if large or isinstance(grid.header, nib.Nifti2Header) else nib.Nifti1Image
    known: Any = grid.header
    header = kind.header_class()
    if known is not None and np.allclose(known.get_best_affine(), grid.affine):
        header.set_data_shape(labels.shape)
        for field in _GEOMETRY:
            header[field] = known[field]
        header["pixdim"][4:] = 1
        # Without an affine nibabel leaves the header's sform and qform as they are.
        image = kind(labels, None, header)
    else:
        header.set_xyzt_units("mm")
        image = kind(labels, grid.affine, header)
        image.set_sform(grid.affine, code="scanner")
        # A qform cannot hold shear; where it would say something else than the sform it stays uncoded.
        image.set_qform(grid.affine, code="scanner")
        if not np.allclose(image.get_qform(), grid.affine, atol=1e-3):
            image.set_qform(None, code="unknown")
    image.set_data_dtype(labels.dtype)
    return image


def _is_series(path: Path) -> bool:
    return has_dicom(path) if path.is_dir() else is_dicom(path)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open an image to read its voxels, and turn what a damaged file does to that into one sentence."""
    if path.is_dir():
        raise CaseError(f"{path} is a folder where an MRI file is expected.")
    if not path.exists():
        raise CaseError(f"{path} does not exist.")
    if not path.name.lower().endswith(SUFFIXES):
        raise CaseError(
            f"{path} is not an MRI file that can be read: its name must end in {', '.join(SUFFIXES)}."
        )
    try:
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


def _spatial_shape(image: Any, path: Path) -> tuple[int, ...]:
    """Shape without axes of length one beyond the third: three or four axes."""
    whole = tuple(int(n) for n in image.shape)
    shape = whole[:3] + tuple(n for n in whole[3:] if n != 1)
    if len(shape) not in (3, 4) or 0 in shape:
        raise CaseError(f"{path} has the shape {whole}, and a volume of three axes is needed.")
    dtype = image.get_data_dtype()
    if dtype.kind not in "biuf":
        raise CaseError(f"{path} holds {dtype} values; an MRI volume has one real number a voxel.")
    return shape


def _grid(image: Any, path: Path) -> Grid:
    header = image.header if isinstance(image.header, nib.Nifti1Header) else None
    try:
        return Grid(image.shape[:3], image.affine, header)
    except CaseError as error:
        raise CaseError(f"{path}: {error}") from error


def _label_type(values: NDArray[Any]) -> type[np.integer[Any]] | None:
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    kinds: tuple[type[np.integer[Any]], ...] = (np.uint8, np.int16, np.int32)
    return next((t for t in kinds if np.iinfo(t).min <= low and high <= np.iinfo(t).max), None)
