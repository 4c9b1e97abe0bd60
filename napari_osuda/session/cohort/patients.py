"""The patients of any folder: a BIDS dataset, or a folder with one folder of images for each patient."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from napari_osuda.errors import CaseError, printable
from napari_osuda.imaging import modality_of
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.dicom.files import header_of
from napari_osuda.imaging.volumes import SUFFIXES
from napari_osuda.session.cohort.dataset import Session
from napari_osuda.session.cohort.plan import CohortJob, plan

__all__ = ["DeeperPatientsError", "patients_in"]

# A folder of a patient is looked through for a first image, and no further.
_MOST_FILES = 2000
# Of the folders that may be patients, so many are looked at more closely.
_MOST_FOLDERS = 20


class DeeperPatientsError(CaseError):
    """The patients lie one folder deeper than in the folder that was given.

    Parameters
    ----------
    folder : Path
    inside : sequence of Path
        Folders of it that hold several folders of images each.
    """

    def __init__(self, folder: Path, inside: Sequence[Path]) -> None:
        listed = ", ".join(printable(path.name) for path in inside[:5])
        super().__init__(
            f"The folders in {folder} are not one patient each: they hold several folders with the same "
            f"contrasts. Choose one of them: {listed}."
        )
        self.inside = tuple(inside)


def patients_in(folder: Path) -> list[CohortJob]:
    """One job for each patient, or for each session of BIDS, in order.

    Parameters
    ----------
    folder : Path
        With folders ``sub-...`` of BIDS, or with one folder of images (NIfTI, DICOM, ...) for each patient.

    Raises
    ------
    CaseError
        The folder cannot be read, or holds no patients.
    DeeperPatientsError
        Each of its folders holds several patients, or one patient's visits.
    """
    try:
        below = sorted(e.name for e in os.scandir(folder) if e.is_dir() and not e.name.startswith("."))
    except OSError as error:
        raise CaseError(f"{folder} cannot be read: {error.strerror or error}.") from error
    if any(name.startswith("sub-") for name in below):
        return list(plan(folder))
    found = [name for name in below if _has_images(folder / name)]
    if not found:
        held = ", ".join(printable(name) for name in below[:5]) or "no folder"
        raise CaseError(
            f"{folder} holds no patients. Give a folder with one folder of images for each patient, or a "
            f"BIDS dataset. It holds: {held}."
        )
    looked_at = [folder / name for name in found[:_MOST_FOLDERS]]
    if all(_holds_several(path) for path in looked_at):
        raise DeeperPatientsError(folder, [folder / name for name in found])
    return [CohortJob(name, (Session(name, None, folder / name),)) for name in found]


def _has_images(folder: Path) -> bool:
    return _first_image(folder) is not None


def _first_image(folder: Path) -> Path | None:
    seen = 0
    for top, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            seen += 1
            path = Path(top, name)
            if _is_volume(name) or is_dicom(path):
                return path
            if seen >= _MOST_FILES:
                return None
    return None


def _is_volume(name: str) -> bool:
    return name.lower().endswith(tuple(SUFFIXES))


def _holds_several(folder: Path) -> bool:
    """Whether folders of this one are of several patients: by DICOM's PatientID, or by the same contrasts."""
    with os.scandir(folder) as entries:
        held = sorted(entries, key=lambda entry: entry.name)
    if any(entry.is_file() and _is_volume(entry.name) for entry in held):
        return False
    contrasts: set[str] = set()
    patients: set[str] = set()
    for entry in [entry for entry in held if entry.is_dir() and not entry.name.startswith(".")][
        :_MOST_FOLDERS
    ]:
        first = _first_image(Path(entry.path))
        if first is None:
            continue
        if not _is_volume(first.name):
            patients.add(_patient_of(first))
            continue
        own = {modality_of(name) for name in os.listdir(first.parent) if _is_volume(name)} - {None}
        if own & contrasts:
            return True
        contrasts |= {str(name) for name in own}
    return len(patients - {""}) > 1


def _patient_of(path: Path) -> str:
    try:
        return header_of(path).patient
    except CaseError:
        return ""
