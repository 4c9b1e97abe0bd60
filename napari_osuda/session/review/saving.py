"""What a review leaves: the final mask as NIfTI and, of DICOM images, as DICOM-SEG; its slice tables."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from napari_osuda.errors import OsudaError, OutputError, cannot_write
from napari_osuda.evaluation import write_rows
from napari_osuda.files import path_inside, sha256_of
from napari_osuda.imaging import write_labels
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.dicom.segmentation import write_dicom_seg
from napari_osuda.session.review.log import PLANES
from napari_osuda.session.review.rows import csv_rows
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.slices import slice_table
from napari_osuda.version import __version__

__all__ = ["Saved", "keep_run", "save_review"]


@dataclass(frozen=True)
class Saved:
    """Where a case's final mask was written.

    Attributes
    ----------
    path : Path
        ``final/<case>.nii.gz`` in the run folder.
    segmentation : Path or None
        ``final/<case>-seg.dcm``, where an image of the case was DICOM.
    problem : str
        Why there is no segmentation where there should be one; else "".
    """

    path: Path
    segmentation: Path | None = None
    problem: str = ""


def save_review(run: ReviewRun, name: str, who: str) -> Saved:
    """Write the final mask of a case and its slice tables, and note it in the record.

    ``who`` signs: what was decided in this sitting before a name was given gets this one.

    Raises
    ------
    OutputError
        There is no run folder, or it cannot be written to.
    """
    if run.folder is None:
        raise OutputError("This run was not written to a folder; choose one to save the review in.")
    review = run.review(name)
    run.record.sign(name, who)
    path = path_inside(run.folder, "final", f"{name}.nii.gz")
    write_labels(path, review.final, review.case.grid)
    tables = (slice_table(review.case, plane) for plane in PLANES)
    rows = [row for table in tables for row in csv_rows(review, table, run.references.get(name))]
    write_rows(path_inside(run.folder, "final", f"{name}-slices.csv"), rows)
    saved = _with_segmentation(run, name, who, path)
    _, done, total = run.best_progress(review)
    row = {
        "who": who,
        "file": path.relative_to(run.folder).as_posix(),
        "sha256": sha256_of(path),
        "decided": done,
        "to_decide": total,
        "entries": run.record.length(name),
    }
    if saved.segmentation is not None:
        row["dicom_seg"] = saved.segmentation.relative_to(run.folder).as_posix()
        row["dicom_seg_sha256"] = sha256_of(saved.segmentation)
    run.record.add_saved(name, row)
    return saved


def keep_run(run: ReviewRun, folder: Path) -> None:
    """Write a run that was kept in memory, and its record, to a new or empty folder.

    Raises
    ------
    OutputError
        The folder is not empty or cannot be written to.
    """
    from napari_osuda.session.preflight import check_out
    from napari_osuda.session.run_folder.folder import RunFolder

    assert run.result is not None
    check_out(folder)
    result = dataclasses.replace(run.result, job=dataclasses.replace(run.result.job, out=folder))
    try:
        written = RunFolder(result.job)
        for case in result.cases:
            written.write_mask("before", case.case, case.before)
            if case.after is not None:
                written.write_mask("after", case.case, case.after)
                written.write_uncertainty(case)
        written.write(result)
    except OSError as error:
        raise cannot_write(folder, error) from error
    run.result, run.folder = result, folder
    run.record.move_to(folder)


def _with_segmentation(run: ReviewRun, name: str, who: str, path: Path) -> Saved:
    """Write the DICOM-SEG beside the NIfTI, which counts whatever becomes of it."""
    review = run.review(name)
    case = review.case
    # Of a series that was resampled the slices are others than the mask's.
    given = [run.path_of(entry) for entry in case.inputs if not entry.resampled]
    sources = [source for source in given if source is not None and is_dicom(source)]
    if not sources:
        return Saved(path)
    target = path_inside(path.parent, f"{name}-seg.dcm")
    try:
        write_dicom_seg(
            target,
            review.final,
            case.grid,
            sources[0],
            case.labels,
            colors=case.colors,
            creator=who,
            model=run.card.name,
            version=__version__,
        )
    except OsudaError as error:
        # One of an earlier save would contradict the mask beside it.
        target.unlink(missing_ok=True)
        return Saved(path, problem=f"No DICOM segmentation: {error}")
    return Saved(path, target)
