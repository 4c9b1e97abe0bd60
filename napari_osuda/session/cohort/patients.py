"""The patients of any folder: a BIDS dataset, or a folder with one folder of images for each patient."""

from __future__ import annotations

import os
from pathlib import Path

from napari_osuda.errors import CaseError, printable
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.volumes import SUFFIXES
from napari_osuda.session.cohort.dataset import Session
from napari_osuda.session.cohort.plan import CohortJob, plan

__all__ = ["patients_in"]

# A folder of a patient is looked through for a first image, and no further.
_MOST_FILES = 2000


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
    return [CohortJob(name, (Session(name, None, folder / name),)) for name in found]


def _has_images(folder: Path) -> bool:
    seen = 0
    for top, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            seen += 1
            if name.lower().endswith(tuple(SUFFIXES)) or is_dicom(Path(top, name)):
                return True
            if seen >= _MOST_FILES:
                return False
    return False
