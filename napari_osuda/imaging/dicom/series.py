"""DICOM series as volumes: single-frame series and enhanced multi-frame images. Needs pydicom (extra dicom).

A series is named by any one of its files, or by a folder that holds no other: that is how it stands in a
record, since a folder may hold a whole study.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.files import sha256_of
from napari_osuda.imaging.dicom.frames import frames_of, in_order
from napari_osuda.imaging.grid import Grid

__all__ = ["DicomSeries", "find_series", "has_dicom", "is_dicom", "read_series", "require", "series_of"]

_SUFFIXES = (".dcm", ".ima", ".dicom")
# What other readers take by name: never opened to look for DICOM in it.
_NEVER = (".nii", ".gz", ".hdr", ".img", ".mgz", ".mgh", ".json", ".csv", ".txt", ".html", ".yaml", ".npz")
_TAGS = [
    "SeriesInstanceUID", "SeriesDescription", "ProtocolName", "SeriesNumber", "Modality", "SOPInstanceUID",
    "Rows", "Columns", "NumberOfFrames", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
    "SliceThickness", "SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
]  # fmt: skip
_LEVELS = ("*", "*/*", "*/*/*")
_LOOKED_AT = 500
_NO_IMAGES = ("SEG", "SR", "PR", "KO", "REG", "RTSTRUCT", "RTPLAN", "RTDOSE")


@dataclass(frozen=True, eq=False)
class DicomSeries:
    """Files of one series in one folder.

    Attributes
    ----------
    uid : str
        SeriesInstanceUID.
    description : str
        SeriesDescription, else ProtocolName, else the folder's name.
    number : int or None
    folder : Path
    files : tuple of Path
        By name; `read_series` sorts the slices by place.
    """

    uid: str
    description: str
    number: int | None
    folder: Path
    files: tuple[Path, ...]

    @property
    def title(self) -> str:
        """Description and number, for messages."""
        return self.description if self.number is None else f"{self.description} (series {self.number})"

    def digest(self) -> str:
        """Hexadecimal SHA-256 over the SHA-256 of each file."""
        return hashlib.sha256("".join(sorted(map(sha256_of, self.files))).encode()).hexdigest()


def require(module: str) -> Any:
    """Import pydicom or highdicom.

    Raises
    ------
    CaseError
        It is not installed; the sentence says how to.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise CaseError(
            f"DICOM needs {module.split('.')[0]}, which is not installed: pip install 'napari-osuda[dicom]'."
        ) from error


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its first bytes, or by its suffix where it has no preamble."""
    name = path.name.lower()
    if name.startswith(".") or name.endswith(_NEVER) or name == "dicomdir" or not path.is_file():
        return False
    try:
        with open(path, "rb") as stream:
            return stream.read(132)[128:] == b"DICM" or name.endswith(_SUFFIXES)
    except OSError:
        return False


def has_dicom(folder: Path) -> bool:
    """Whether a folder, or one up to two levels below it, holds a DICOM file, by a look at some of each."""
    # Any folder that is dropped on a viewer is asked, the stores of 100 000 chunks among them.
    return any(is_dicom(path) for level in _LEVELS for path in islice(folder.glob(level), _LOOKED_AT))


def find_series(folder: Path) -> list[DicomSeries]:
    """List the image series in a folder and up to two levels below it, by folder, number and description.

    Raises
    ------
    CaseError
        pydicom is missing, or a file cannot be read.
    """
    return _grouped(path for path in _walk(folder) if is_dicom(path))


def series_of(path: Path | str) -> DicomSeries:
    """The series of a file, or the only one in a folder.

    Raises
    ------
    CaseError
        There is none, or the folder holds several.
    """
    path = Path(path)
    if path.is_dir():
        found = find_series(path)
        if len(found) == 1:
            return found[0]
        titles = ", ".join(series.title for series in found[:8]) or "none"
        raise CaseError(
            f"{path} holds {len(found)} DICOM image series ({titles}), and one is needed: give a folder that "
            "holds no other, or one file of the series."
        )
    own = _header(path)
    uid = str(getattr(own, "SeriesInstanceUID", ""))
    beside = _grouped(p for p in sorted(path.parent.iterdir()) if is_dicom(p))
    for series in beside:
        if series.uid == uid and path in series.files:
            return series
    raise CaseError(f"{path} is a DICOM file without an image that can be read as a slice.")


def read_series(series: DicomSeries) -> tuple[NDArray[np.float32], Grid, tuple[Path, ...]]:
    """Read a series as one volume.

    Returns
    -------
    data : float32 array [I, J, K]
        Rescale slope and intercept applied; I along a row (its columns), J down the rows, K across slices.
    grid : Grid
        In RAS millimeters.
    files : tuple of Path
        In the order of K; for a multi-frame file that file alone.

    Raises
    ------
    CaseError
        Its slices do not make one volume (other sizes or directions, two at one place, one missing), or the
        pixels cannot be decoded.
    """
    where = f"The series {series.title} in {series.folder}"
    unordered = [frame for path in series.files for frame in frames_of(path, _header(path))]
    frames, affine = in_order(unordered, where)
    columns, rows = frames[0].size[1], frames[0].size[0]
    # The last axis slowest in memory, as in NIfTI files: a slice lies in one piece.
    data = np.empty((len(frames), rows, columns), np.float32).transpose(2, 1, 0)
    pixels: dict[Path, NDArray[Any]] = {}
    for place, frame in enumerate(frames):
        if frame.path not in pixels:
            pixels.clear()
            pixels[frame.path] = _pixels(frame.path)
        stored = pixels[frame.path]
        plane = stored[frame.index] if stored.ndim == 3 else stored
        if plane.shape != frame.size:
            raise CaseError(f"{frame.path} holds pixels of the shape {plane.shape}, not {frame.size}.")
        data[:, :, place] = plane.T * np.float32(frame.slope) + np.float32(frame.intercept)
    grid = Grid((columns, rows, len(frames)), affine)
    return data, grid, tuple(dict.fromkeys(frame.path for frame in frames))


def _walk(folder: Path) -> Iterator[Path]:
    for level in _LEVELS:
        yield from sorted(folder.glob(level))


def _grouped(paths: Iterable[Path]) -> list[DicomSeries]:
    groups: dict[tuple[Path, str], list[tuple[Path, Any]]] = {}
    for path in paths:
        header = _header(path)
        uid = str(getattr(header, "SeriesInstanceUID", ""))
        placed = hasattr(header, "ImagePositionPatient") or "PerFrameFunctionalGroupsSequence" in header
        if uid and placed and getattr(header, "Modality", "") not in _NO_IMAGES:
            groups.setdefault((path.parent, uid), []).append((path, header))
    found = []
    for (folder, uid), members in groups.items():
        first = members[0][1]
        said = getattr(first, "SeriesDescription", "") or getattr(first, "ProtocolName", "") or folder.name
        number = getattr(first, "SeriesNumber", None)
        files = tuple(path for path, _ in members)
        found.append(DicomSeries(uid, str(said), None if number is None else int(number), folder, files))
    return sorted(found, key=lambda series: (str(series.folder), series.number or 0, series.description))


def _header(path: Path) -> Any:
    status = path.stat()
    return _read_header(path, status.st_mtime_ns, status.st_size)


# A study is looked through once for each channel, and again when its masks are written.
@lru_cache(maxsize=4096)
def _read_header(path: Path, modified: int, size: int) -> Any:
    pydicom = require("pydicom")
    try:
        # Some scanners' files lack the preamble; what is no DICOM then has none of the tags.
        return pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=_TAGS, force=path.suffix.lower() in _SUFFIXES
        )
    except Exception as error:  # pydicom has no base class for what a damaged file does
        raise CaseError(f"{path} cannot be read as DICOM ({_reason(error)}).") from error


def _pixels(path: Path) -> NDArray[Any]:
    pydicom = require("pydicom")
    try:
        dataset = pydicom.dcmread(path, force=path.suffix.lower() in _SUFFIXES)
        if int(getattr(dataset, "SamplesPerPixel", 1)) != 1:
            raise ValueError("it is a color picture and no measurement")
        return np.asarray(dataset.pixel_array)
    except Exception as error:  # as above, and each decoder has errors of its own
        raise CaseError(f"The pixels of {path} cannot be read ({_reason(error)}).") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
