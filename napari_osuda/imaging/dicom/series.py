"""Which DICOM files make a series. A series is named by one of its files, or by a folder that holds no other.

That is how it stands in a record, since a folder may hold a whole study; and a series may lie in several
folders.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from napari_osuda.errors import CaseError
from napari_osuda.files import sha256_of
from napari_osuda.imaging.dicom.files import DicomHeader, header_of, is_dicom, pixels_of

__all__ = ["DicomSeries", "find_series", "has_dicom", "series_of"]

_LEVELS = ("*", "*/*", "*/*/*", "*/*/*/*", "*/*/*/*/*")
# Files of each level that a viewer's question may cost, and those that a study may have.
_LOOKED_AT = 500
_MOST_FILES = 50_000
# Folders beside that of a file in which more of its series is looked for.
_MOST_FOLDERS = 200


@dataclass(frozen=True, eq=False)
class DicomSeries:
    """The image files of one series.

    Attributes
    ----------
    uid : str
        SeriesInstanceUID.
    description : str
        SeriesDescription, else ProtocolName, else the folder's name.
    number : int or None
    folder : Path
        That of the files, or the one above where they lie in several.
    files : tuple of Path
        By name, without copies; `napari_osuda.imaging.dicom.volume.read_series` sorts the slices.
    frame_of_reference, patient : str
        FrameOfReferenceUID and PatientID; "" where there is none.
    is_magnitude : bool
        It is no phase, and no real or imaginary part.
    thickness : float or None
        SliceThickness, mm, of the thickest slice; None where it is not said.
    """

    uid: str
    description: str
    number: int | None
    folder: Path
    files: tuple[Path, ...]
    frame_of_reference: str = ""
    patient: str = ""
    is_magnitude: bool = True
    thickness: float | None = None

    @property
    def title(self) -> str:
        """Description and number, for messages."""
        return self.description if self.number is None else f"{self.description} (series {self.number})"

    def digest(self) -> str:
        """Hexadecimal SHA-256 over the SHA-256 of each file."""
        return hashlib.sha256("".join(sorted(map(sha256_of, self.files))).encode()).hexdigest()


def has_dicom(folder: Path) -> bool:
    """Whether a folder, or one up to four levels below it, holds a DICOM file, by a look at some of each."""
    # Any folder that is dropped on a viewer is asked, the stores of 100 000 chunks among them.
    return any(is_dicom(path) for level in _LEVELS for path in islice(folder.glob(level), _LOOKED_AT))


def find_series(folder: Path) -> list[DicomSeries]:
    """List the image series in a folder and up to four levels below it, by folder, number and description.

    Raises
    ------
    CaseError
        pydicom is missing, a file cannot be read, or there are too many files.
    """
    return _grouped(header_of(path) for path in _walk(folder))


def series_of(path: Path | str) -> DicomSeries:
    """The series of a file, with its files in the folders beside it, or the only one in a folder.

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
            f"holds no other, or one file of the series. Or choose by number, as in {path}#3."
        )
    own = header_of(path)
    if not own.is_image:
        raise CaseError(f"{path} is a DICOM file without an image that can be read as a slice.")
    folders = [path.parent, *_folders_beside(path.parent, own.series)]
    files = (file for folder in folders for file in sorted(folder.iterdir()) if is_dicom(file))
    found = _grouped(header for header in map(header_of, files) if header.series == own.series)
    if not found:
        raise CaseError(f"{path} does not say where in the scanner it lies: {own.problem}.")
    return found[0]


def _folders_beside(folder: Path, series: str) -> Iterator[Path]:
    """Folders in the one above that hold files of a series, by a look at three files of each."""
    try:
        beside = sorted(p for p in islice(folder.absolute().parent.iterdir(), _MOST_FOLDERS) if p.is_dir())
    except OSError:
        return
    for other in beside:
        if other.name == folder.absolute().name or other.name.startswith("."):
            continue
        try:
            files = [p for p in sorted(islice(other.iterdir(), _LOOKED_AT)) if is_dicom(p)]
            some = dict.fromkeys(files[i] for i in (0, len(files) // 2, -1)) if files else {}
            if any(header_of(file).series == series for file in some):
                yield other
        except (OSError, CaseError):
            # What cannot be read there was not asked for.
            continue


def _walk(folder: Path) -> Iterator[Path]:
    count = 0
    for level in _LEVELS:
        for path in sorted(folder.glob(level)):
            # Stores of git-annex and the like lie in hidden folders: what counts is what links to them.
            if any(part.startswith(".") for part in path.relative_to(folder).parts) or not is_dicom(path):
                continue
            count += 1
            if count > _MOST_FILES:
                raise CaseError(f"{folder} holds more than {_MOST_FILES} DICOM files: give one patient's.")
            yield path


def _grouped(headers: Iterable[DicomHeader]) -> list[DicomSeries]:
    groups: dict[str, list[DicomHeader]] = {}
    for header in headers:
        if header.is_image:
            groups.setdefault(header.series, []).append(header)
    found = []
    for uid, members in groups.items():
        if not any(header.is_placed for header in members):
            continue
        kept = _without_copies(members)
        folder = Path(os.path.commonpath([header.path.parent.absolute() for header in kept]))
        first = kept[0]
        files = tuple(header.path for header in kept)
        called = first.description or folder.name
        frame, patient = first.frame_of_reference, first.patient
        magnitude = all(header.is_magnitude for header in kept)
        thickness = max((f.thickness for header in kept for f in header.frames if f.thickness), default=None)
        found.append(
            DicomSeries(uid, called, first.number, folder, files, frame, patient, magnitude, thickness)
        )
    return sorted(found, key=lambda series: (str(series.folder), series.number or 0, series.description))


def _without_copies(members: list[DicomHeader]) -> list[DicomHeader]:
    """Leave out files that hold what another holds: the same instance at the same place, with its pixels."""
    kept: dict[str, list[DicomHeader]] = {}
    for number, header in enumerate(members):
        same = kept.setdefault(header.instance or f"file {number}", [])
        if not any(_is_copy(header, other) for other in same):
            same.append(header)
    return sorted((header for same in kept.values() for header in same), key=lambda header: header.path)


def _is_copy(header: DicomHeader, other: DicomHeader) -> bool:
    if sha256_of(header.path) == sha256_of(other.path):
        return True
    if len(header.frames) != len(other.frames) or not header.frames:
        return False
    alike = all(
        np.array_equal(a.position, b.position)
        and np.array_equal(a.orientation, b.orientation)
        and (a.size, a.spacing, a.slope, a.intercept) == (b.size, b.spacing, b.slope, b.intercept)
        for a, b in zip(header.frames, other.frames, strict=True)
    )
    return alike and np.array_equal(pixels_of(header.path), pixels_of(other.path))
