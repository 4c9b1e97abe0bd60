"""A signed mask and its papers, copied out of the run folder to where somebody wants them."""

from __future__ import annotations

import enum
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_osuda.errors import cannot_write
from napari_osuda.files import path_inside, written_whole
from napari_osuda.session.review.run import ReviewRun

__all__ = ["ExportForm", "ExportOffer", "export_file", "export_offers"]

NOT_SIGNED = "Save and sign first. An export holds what was signed."
NO_DICOM = "The images of this case were not DICOM."


class ExportForm(enum.StrEnum):
    """What can be exported."""

    NIFTI = "nifti"
    DICOM_SEG = "dicom seg"
    TABLE = "table"
    PAGE = "page"
    PDF = "pdf"


_ENDINGS: Mapping[ExportForm, str] = {
    ExportForm.NIFTI: ".nii.gz",
    ExportForm.DICOM_SEG: "-seg.dcm",
    ExportForm.TABLE: "-slices.csv",
    ExportForm.PAGE: "-report.html",
    ExportForm.PDF: "-report.pdf",
}


@dataclass(frozen=True)
class ExportOffer:
    """One form of a case.

    Attributes
    ----------
    form : ExportForm
    name : str
        What the file would be called.
    source : Path or None
        What is copied; None for `ExportForm.PDF`, which is made of the report.
    why_not : str
        Why there is none; "" where there is.
    """

    form: ExportForm
    name: str
    source: Path | None = None
    why_not: str = ""


def export_offers(run: ReviewRun, name: str) -> list[ExportOffer]:
    """What of a case can be exported now, and why the rest cannot."""
    folder = run.folder
    signed = folder is not None and run.record.in_step(name)
    offers = []
    for form, ending in _ENDINGS.items():
        source = None
        if folder is not None and form is not ExportForm.PDF:
            source = folder / "report.html" if form is ExportForm.PAGE else _final(folder, name + ending)
        there = form is ExportForm.PDF or (source is not None and source.is_file())
        why_not = NOT_SIGNED if not signed else "" if there else _missing(form, source)
        offers.append(ExportOffer(form, name + ending, source, why_not))
    return offers


def export_file(source: Path, target: Path) -> None:
    """Copy a file whole.

    Raises
    ------
    OutputError
        It cannot be written there.
    """
    if source.resolve() == target.resolve():
        return
    try:
        with written_whole(target) as partial:
            shutil.copyfile(source, partial)
    except OSError as error:
        raise cannot_write(target, error) from error


def _final(folder: Path, file: str) -> Path:
    return path_inside(folder, "final", file)


def _missing(form: ExportForm, source: Path | None) -> str:
    return NO_DICOM if form is ExportForm.DICOM_SEG else f"{source} is not there. Save and sign again."
