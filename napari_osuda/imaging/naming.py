"""What a case is called, before any of its files is read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from napari_osuda.files import expanded
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.modalities import modality_of, says_contrast_alone
from napari_osuda.imaging.volumes import without_suffix

__all__ = ["case_name", "patient_of_image"]

# Parts of a file's name, those of BIDS with their values; and those that are not about the patient.
_PARTS = re.compile(r"[a-z]+-[A-Za-z0-9]+(?=_|$)|[^_\-. ]+")
_ABOUT_IMAGE = re.compile(r"(?:acq|ce|rec|run|space|desc|res|den|echo|part|inv)-[A-Za-z0-9]+")
# A file of a case with its channel's name before it.
_NAMED = re.compile(r"[^,=/\\]+=")


def case_name(spec: str | Path | Mapping[str, str | Path]) -> str:
    """The name that `read_case` gives a case: that of its folder, or of its first file without the suffix.

    A folder of BIDS is called by the patient as well: ``sub-01_ses-1``, since each patient has a ``ses-1``.

    Parameters
    ----------
    spec : str, Path or mapping
        As for `read_case`; nothing of it has to exist.

    Returns
    -------
    str

    Examples
    --------
    >>> case_name("t1=patient7_t1.nii.gz,flair=patient7_flair.nii.gz")
    'patient7_t1'
    """
    if isinstance(spec, Mapping):
        return _of_file(Path(next(iter(spec.values()), "")))
    text = str(spec).strip()
    path = expanded(text)
    if path.is_dir():
        return _of_folder(Path(os.path.abspath(path)))
    folder, mark, _ = text.rpartition("#")
    if mark and not path.exists() and expanded(folder).is_dir():
        # One DICOM series of several in a folder.
        return _of_folder(Path(os.path.abspath(expanded(folder))))
    if not path.exists() and ("," in text or _NAMED.match(text)):
        first = text.split(",")[0]
        path = expanded(_NAMED.sub("", first, count=1).strip())
    return _of_file(path)


def patient_of_image(path: Path) -> str:
    """Whose a single image is: what its name says before the contrast, else its folder's name, else its own.

    Examples
    --------
    >>> patient_of_image(Path("bids/sub-01/anat/sub-01_ce-gad_T1w.nii.gz"))
    'sub-01'
    >>> patient_of_image(Path("patient19/FLAIR.nii.gz")), patient_of_image(Path("scans/scan7.nii.gz"))
    ('patient19', 'scan7')
    """
    if is_dicom(path):
        return _of_file(path)
    stem = without_suffix(path.name)
    if says_contrast_alone(stem):
        return _of_folder(path.absolute().parent)
    parts = list(_PARTS.finditer(stem))
    at = next((i for i, part in enumerate(parts) if modality_of(part.group()) is not None), 0)
    while at and _ABOUT_IMAGE.fullmatch(parts[at - 1].group()):
        at -= 1
    return stem[: parts[at - 1].end()] if at else stem


def _of_folder(folder: Path) -> str:
    if folder.name == "anat" and folder.parent.name.startswith(("sub-", "ses-")):
        folder = folder.parent
    if folder.name.startswith("ses-") and folder.parent.name.startswith("sub-"):
        return f"{folder.parent.name}_{folder.name}"
    return folder.name


def _of_file(path: Path) -> str:
    # A DICOM file's own name is a number: its folder is what somebody named.
    # Of a link it is the link's folder: what it leads to may be a store whose names say nothing.
    if is_dicom(path):
        return _of_folder(Path(os.path.abspath(path)).parent)
    return without_suffix(path.name)
