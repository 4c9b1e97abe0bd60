"""The slice table of a review: what each slice holds, how it changed, and what to look at twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.evaluation import ChangeTable, change_table
from napari_osuda.imaging.world import SHOWN_AXES
from napari_osuda.session.review.log import Plane
from napari_osuda.session.review.review import Review, ReviewCase, plane_axes

__all__ = ["CsvRow", "SliceTable", "csv_rows", "decision_words", "slice_table", "viewer_slice"]

CsvRow = dict[str, int | float | str]

# A slice is called to attention where the two masks disagree by as much as would make the guard doubt a
# whole volume. Below this area, mm^2, the figures jump with every voxel.
_SPECK = 50.0
_VANISHED, _EXPLODED, _UNLIKE = 0.25, 4.0, 0.4

_WORDS = {"after": "accept after", "before": "keep before", "edited": "edited"}


@dataclass(frozen=True, eq=False)
class SliceTable:
    """Of every slice of a plane, S in all, in the order of the case's own array.

    Attributes
    ----------
    plane : str
    position_mm : float64 array [S]
        Place of the slice's middle along the patient's axis: towards S, A or R is positive.
    change : ChangeTable
    dice : float64 array [S]
        Between before and after over all labels; 1 where both are empty.
    warnings : tuple of str, length S
        Why the slice deserves a second look, or "".
    uncertainty : float64 array [S] or None
        Mean normalized entropy over the voxels that a mask marks or of which the network is less sure than
        not (entropy above 0.5); 0 where there is none.
    """

    plane: Plane
    position_mm: NDArray[np.float64]
    change: ChangeTable
    dice: NDArray[np.float64]
    warnings: tuple[str, ...]
    uncertainty: NDArray[np.float64] | None

    @cached_property
    def uncertain(self) -> NDArray[np.bool_]:
        """The most uncertain quarter of the slices that have any uncertainty, [S].

        By rank, since training on entropy makes a network sure of everything, right or wrong.
        """
        if self.uncertainty is None or not self.uncertainty.any():
            return np.zeros(len(self.change.changed), bool)
        least = np.quantile(self.uncertainty[self.uncertainty > 0], 0.75)
        result: NDArray[np.bool_] = (self.uncertainty > 0) & (self.uncertainty >= least)
        return result


def slice_table(case: ReviewCase, plane: Plane) -> SliceTable:
    """Count everything once; a quarter of a second for 155 x 240 x 240 voxels and four labels."""
    axis = plane_axes(case.grid)[plane]
    values = [value for value in case.labels if value != 0]
    change = change_table(case.before, case.after, case.grid.affine, axis, values)
    before, after, shared = (counts.sum(axis=1) for counts in (change.before, change.after, change.shared))
    dice = np.where(before + after == 0, 1.0, 2.0 * shared / np.maximum(before + after, 1))
    warnings = tuple(
        _warning(was * change.pixel_mm2, now * change.pixel_mm2, float(agree))
        for was, now, agree in zip(before.tolist(), after.tolist(), dice, strict=True)
    )
    return SliceTable(
        plane, _positions(case, plane, axis), change, dice, warnings, _uncertainty_of(case, axis)
    )


def csv_rows(review: Review, table: SliceTable, reference: NDArray[Any] | None = None) -> Iterator[CsvRow]:
    """One dict a slice, for a CSV file: areas and volumes before, after and final, and the decision.

    Given a reference [I, J, K], also how many voxels of each mask have another label than it.
    """
    case, change = review.case, table.change
    final = change_table(case.before, review.final, case.grid.affine, change.axis, change.values)
    titles = [case.labels.get(value, str(value)) for value in change.values]
    others = tuple(axis for axis in range(3) if axis != change.axis)
    masks = {"before": case.before, "after": case.after, "final": review.final}
    wrong = {
        which: np.count_nonzero(mask != reference, axis=others)
        for which, mask in (masks if reference is not None else {}).items()
    }
    for index, counts in enumerate(change.rows(case.labels)):
        row: CsvRow = {"plane": table.plane, "viewer_slice": viewer_slice(case, table.plane, index)}
        row |= {"position_mm": round(float(table.position_mm[index]), 3), **counts}
        for column, title in enumerate(titles):
            row[f"area_final_mm2 {title}"] = float(final.area_after_mm2[index, column])
            row[f"ml_final {title}"] = float(final.ml_after[index, column])
        row["dice all labels"] = float(table.dice[index])
        if table.uncertainty is not None:
            row["uncertainty"] = float(table.uncertainty[index])
        for which, counts_wrong in wrong.items():
            row[f"wrong_{which} (reference)"] = int(counts_wrong[index])
        chosen, flag = review.choice(table.plane, index), review.flag(table.plane, index)
        row["guard"] = table.warnings[index]
        row["decision"] = "undecided" if chosen is None else _WORDS[chosen.kind]
        row["decided_by"] = "" if chosen is None else chosen.who
        row["decided_at"] = "" if chosen is None else chosen.when
        row["flagged"] = "yes" if flag is not None else "no"
        row["comment"] = "" if flag is None else flag.comment
        row["flagged_by"] = "" if flag is None else flag.who
        yield row


def viewer_slice(case: ReviewCase, plane: Plane, index: int) -> int:
    """What a viewer calls a slice of the case's own array: there slices are counted towards S, A and R."""
    axis = plane_axes(case.grid)[plane]
    return index if case.grid.orientation[axis] in SHOWN_AXES else case.grid.shape[axis] - 1 - index


def decision_words(review: Review, plane: Plane, index: int) -> str:
    """What was decided on a slice, in words; "" where nothing was."""
    chosen = review.choice(plane, index)
    return "" if chosen is None else _WORDS[chosen.kind]


def _warning(was: float, now: float, agree: float) -> str:
    """Name what differs most, from areas in mm^2 before and after."""
    if max(was, now) < _SPECK:
        return ""
    if now == 0:
        return f"The adapted mask is empty here; the source's has {was:.0f} mm\N{SUPERSCRIPT TWO}."
    if was == 0:
        return f"Only the adapted mask marks anything here: {now:.0f} mm\N{SUPERSCRIPT TWO}."
    if now < _VANISHED * was:
        share = f"only {now / was:.0%}" if now >= 0.01 * was else "less than 1%"
        return f"The adapted mask has {share} of the source's area."
    if now > _EXPLODED * was:
        return f"The adapted mask has {now / was:.1f} times the source's area."
    if agree < _UNLIKE:
        return f"The two masks hardly overlap (Dice {agree:.2f})."
    return ""


def _positions(case: ReviewCase, plane: Plane, axis: int) -> NDArray[np.float64]:
    """Millimeters along the patient's axis of the middle of each slice."""
    world = ("sagittal", "coronal", "axial").index(plane)
    middle: NDArray[np.float64] = (np.array(case.grid.shape) - 1) / 2
    centers = np.repeat(middle[None], case.grid.shape[axis], axis=0)
    centers[:, axis] = np.arange(case.grid.shape[axis])
    affine = case.grid.affine
    result: NDArray[np.float64] = (centers @ affine[:3, :3].T + affine[:3, 3])[:, world]
    return result


def _uncertainty_of(case: ReviewCase, axis: int) -> NDArray[np.float64] | None:
    if case.uncertainty is None:
        return None
    others: Sequence[int] = tuple(other for other in range(3) if other != axis)
    marked = (case.before != 0) | (case.after != 0) | (case.uncertainty > 0.5)
    total = np.where(marked, case.uncertainty, 0).sum(axis=tuple(others), dtype=np.float64)
    result: NDArray[np.float64] = total / np.maximum(marked.sum(axis=tuple(others)), 1)
    return result
