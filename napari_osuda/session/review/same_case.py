"""The runs that were made on one case: which method, what is recommended, and how their masks compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_osuda.errors import OsudaError
from napari_osuda.evaluation import dice, voxel_ml
from napari_osuda.files import path_inside
from napari_osuda.imaging import read_labels
from napari_osuda.session.review.case import Labels
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.run_folder.record import AdviceRecord, CaseRecord, RunRecord, read_record

__all__ = ["OtherRun", "runs_on_case"]

# Of a folder with more runs the newest are listed.
_MOST = 40


@dataclass(frozen=True)
class OtherRun:
    """One run on the case.

    Attributes
    ----------
    folder : Path
    name : str
        What it calls the case.
    method, model : str
    ended : str
        ISO 8601.
    iterations : int
        Whose result its masks are.
    decision : {"accept", "keep-source", "neither"} or None
    removed : int
        How many pieces of the original mask the second look has removed.
    expected : (float, float, float) or None
        Expected Dice of the adapted mask and its interval, mean over the regions.
    ml : float
        Of all labels of the adapted mask.
    overlap : float or None
        Dice of all labels with the adapted mask of the run under review; None on another grid.
    current : bool
        Whether it is the run under review.
    """

    folder: Path
    name: str
    method: str
    model: str
    ended: str
    iterations: int
    decision: str | None
    removed: int
    expected: tuple[float, float, float] | None
    ml: float
    overlap: float | None
    current: bool


def runs_on_case(run: ReviewRun, name: str) -> list[OtherRun]:
    """The runs beside a run's folder that were made on the same images as one of its cases, the newest first.

    A run whose record or mask cannot be read is left out.
    """
    if run.folder is None:
        return []
    here, mask = run.folder.resolve(), run.review(name).case.after
    own = run.run.case(name)
    found = []
    for folder in _newest(here.parent, here):
        try:
            record = read_record(folder)
            for case in record.cases:
                if (folder == here and case.name == name) or (folder != here and _same_images(own, case)):
                    found.append(_about(folder, record, case, mask, folder == here))
        except (OsudaError, OSError):
            continue
    return found


def _newest(parent: Path, here: Path) -> Iterator[Path]:
    ages: dict[Path, float] = {}
    for record in parent.glob("*/run.json"):
        try:
            ages[record.parent.resolve()] = record.stat().st_mtime
        except OSError:
            continue
    order = sorted(ages, key=lambda folder: -ages[folder])
    kept = order[:_MOST]
    yield from kept if here in kept or here not in ages else [*kept, here]


def _same_images(one: CaseRecord, other: CaseRecord) -> bool:
    """Whether two cases share an image, by what it holds; by its path where that was not kept."""
    mine = {image.sha256 for image in one.inputs if image.sha256}
    theirs = {image.sha256 for image in other.inputs if image.sha256}
    if mine and theirs:
        return bool(mine & theirs)
    return bool({i.path for i in one.inputs if i.path} & {i.path for i in other.inputs if i.path})


def _about(folder: Path, record: RunRecord, case: CaseRecord, mask: Labels, current: bool) -> OtherRun:
    after, grid = read_labels(path_inside(folder, "after", f"{case.name}.nii.gz"))
    advice = case.recommendation
    return OtherRun(
        folder=folder,
        name=case.name,
        method=record.method,
        model=record.model.card.name,
        ended=record.ended,
        iterations=record.iteration_used or record.iterations_done,
        decision=None if advice is None else advice.decision,
        removed=0 if advice is None else advice.removed,
        expected=_expected(advice),
        ml=float(np.count_nonzero(after) * voxel_ml(grid.affine)),
        overlap=dice(after != 0, mask != 0) if after.shape == mask.shape else None,
        current=current,
    )


def _expected(advice: AdviceRecord | None) -> tuple[float, float, float] | None:
    regions = () if advice is None else advice.regions.values()
    known = [region.expected_dice_after for region in regions if region.expected_dice_after is not None]
    if not known:
        return None
    low, high = (float(np.mean([getattr(each, end) for each in known])) for end in ("low", "high"))
    return float(np.mean([each.dice for each in known])), low, high
