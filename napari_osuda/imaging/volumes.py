"""MRI files in, each with its own voxel grid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.files import sha256_of
from napari_osuda.imaging.dicom import DicomSeries, has_dicom, is_dicom, read_series, series_of
from napari_osuda.imaging.formats.metaimage import META_SUFFIXES, files_of_metaimage, read_metaimage
from napari_osuda.imaging.formats.nifti import (
    NIFTI_SUFFIXES,
    files_of_nifti,
    nifti_grid,
    opened,
    spatial_shape,
)
from napari_osuda.imaging.formats.nrrd import NRRD_SUFFIXES, files_of_nrrd, read_nrrd
from napari_osuda.imaging.grid import Grid
from napari_osuda.imaging.writing import label_type

__all__ = [
    "SUFFIXES",
    "Identity",
    "Volume",
    "digest_of",
    "identity_of",
    "reachable",
    "read_labels",
    "read_volume",
    "title_of",
    "without_suffix",
]

SUFFIXES = (*NIFTI_SUFFIXES, *NRRD_SUFFIXES, *META_SUFFIXES)

# What a stored slope and float32 leave of a whole number.
_WHOLE = 1e-3
# Of the largest intensity, the least contrast of which float32 keeps three digits.
_DIGITS = 1e-4


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
    series : DicomSeries or None
        What it was read from, of DICOM.
    """

    data: NDArray[np.float32]
    grid: Grid
    path: Path
    title: str = ""
    series: DicomSeries | None = None

    def identity(self) -> Identity:
        """As `identity_of` gives it."""
        if self.series is None:
            return Identity(_digest_of_files(self.path))
        return _identity_of_series(self.series)


def without_suffix(name: str) -> str:
    """File name without the suffix of an MRI file: ``"b.c.nii.gz"`` is ``"b.c"``."""
    suffix = next((s for s in SUFFIXES if name.lower().endswith(s)), "")
    return name[: len(name) - len(suffix)]


@contextmanager
def reachable(path: Path | str) -> Iterator[None]:
    """Turn what the system says of a file that it cannot open, or of a name too long, into a CaseError."""
    try:
        yield
    except OSError as error:
        raise CaseError(f"{str(path)[:300]} cannot be read: {error.strerror or error}.") from error


def read_volume(path: Path | str) -> Volume:
    """Read an MRI volume: NIfTI (.nii, .nii.gz, .hdr/.img; 1 and 2), Analyze, MGH, NRRD, MetaImage or DICOM.

    Axes of length one beyond the third are dropped. A DICOM series is named by one of its files or by a
    folder that holds no other; the volume's ``path`` is then the file of its first slice.

    Raises
    ------
    CaseError
        The file is not there, is no MRI file, is cut short, or is not a volume of numbers.
    """
    path = Path(path)
    with reachable(path):
        if _is_series(path):
            series = series_of(path)
            dicom, grid, files = read_series(series)
            return Volume(dicom, grid, files[0], series.description, series)
        values, grid = _read(path)
    with np.errstate(over="ignore"):
        _require_digits(values, path)
        return Volume(values.astype(np.float32, copy=False), grid, path)


class Identity(NamedTuple):
    """What an image is known by: see `digest_of`, `title_of`; of DICOM its space, patient and thickness."""

    digest: str
    title: str = ""
    frame_of_reference: str = ""
    patient: str = ""
    thickness: float | None = None


def identity_of(path: Path | str) -> Identity:
    """What a volume is known by, of a DICOM series looked for once."""
    path = Path(path)
    if not _is_series(path):
        return Identity(_digest_of_files(path))
    return _identity_of_series(series_of(path))


def _identity_of_series(series: DicomSeries) -> Identity:
    return Identity(
        series.digest(), series.description, series.frame_of_reference, series.patient, series.thickness
    )


def digest_of(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a volume: of its file's bytes, or over those of all files that it lies in.

    These are a header and the file of its voxels, or the files of a DICOM series.
    """
    return identity_of(path).digest


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
    with reachable(path):
        values, grid = _read(path)
    if values.ndim != 3:
        raise CaseError(f"{path} has {values.shape[3]} volumes, and labels are one: split it first.")
    if values.dtype.kind == "f":
        values = _whole(values, path)
    dtype = label_type(values)
    if dtype is None:
        raise CaseError(f"{path} holds values up to {values.max():g}, which are not labels: check the file.")
    return values.astype(dtype), grid


def _read(path: Path) -> tuple[NDArray[Any], Grid]:
    """Values [I, J, K] or [I, J, K, T] of a file, rescaled as it says, and their grid."""
    if path.is_dir():
        raise CaseError(f"{path} is a folder where an MRI file is expected.")
    if not path.exists():
        raise CaseError(f"{path} does not exist.")
    if not path.is_file():
        raise CaseError(f"{path} is a pipe or a device. Give a file or a folder.")
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise CaseError(
            f"{path} is not an MRI file that can be read: its name must end in {', '.join(SUFFIXES)}."
        )
    if name.endswith(NRRD_SUFFIXES):
        return read_nrrd(path)
    if name.endswith(META_SUFFIXES):
        return read_metaimage(path)
    with opened(path) as image:
        shape = spatial_shape(image, path)
        return np.asarray(image.dataobj).reshape(shape, order="F"), nifti_grid(image, path)


def _digest_of_files(path: Path) -> str:
    name = path.name.lower()
    if name.endswith(NRRD_SUFFIXES):
        files = files_of_nrrd(path)
    elif name.endswith(META_SUFFIXES):
        files = files_of_metaimage(path)
    else:
        files = files_of_nifti(path)
    if len(files) == 1:
        return sha256_of(path)
    return hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()


def _require_digits(values: NDArray[Any], path: Path) -> None:
    """CaseError where intensities lie so far from 0 that float32 would round their contrast away."""
    if values.dtype.itemsize < 4 or values.dtype == np.float32 or not values.size:
        return
    low, high = float(values.min()), float(values.max())
    if np.isfinite((low, high)).all() and 0 < high - low < _DIGITS * max(abs(low), abs(high)):
        raise CaseError(
            f"The intensities of {path} lie between {low:.10g} and {high:.10g}, too far from 0 to be used. "
            "Subtract the lowest one, and save the image again."
        )


def _whole(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Whole numbers that a slope or float32 has blurred, as they were; CaseError where they are none."""
    with np.errstate(invalid="ignore"):
        near = np.isfinite(values).all() and bool((np.abs(values - np.rint(values)) <= _WHOLE).all())
    if not near:
        raise CaseError(
            f"{path} holds values that are not whole numbers, so it is not a label volume: "
            "was an image given, or were labels resampled linearly?"
        )
    return np.asarray(np.rint(values))


def _is_series(path: Path) -> bool:
    return has_dicom(path) if path.is_dir() else is_dicom(path)
