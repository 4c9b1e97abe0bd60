"""What the columns of the slice table say and how they sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import SliceTable
from napari_osuda.widgets.review.view.planes import PlaneAxis
from napari_osuda.widgets.review.words import ARROW, CHOICE_MARKS, FLAG, TRIANGLE, choice_label

__all__ = ["DECISION", "SliceColumn", "columns_of"]

DECISION = "Decision"


@dataclass(frozen=True)
class SliceColumn:
    """A title, its tip, and what a slice (by the number in the case) has there, as text and for sorting."""

    title: str
    tip: str
    text: Callable[[int], str]
    sort: Callable[[int], float]
    numeric: bool = True


def columns_of(
    review: Review, table: SliceTable, steps: PlaneAxis, errors: Mapping[str, NDArray[np.int64]]
) -> list[SliceColumn]:
    """Columns of a plane's slices; ``errors``: wrong voxels of each slice by mask, given a reference."""
    change, plane, names = table.change, table.plane, review.case.names
    second = names["after"]

    def decision(row: int) -> str:
        chosen = review.choice(plane, row)
        return "" if chosen is None else choice_label(chosen.kind, names)

    def mark(row: int) -> str:
        flagged = FLAG if review.flag(plane, row) is not None else ""
        return flagged + (TRIANGLE if table.warnings[row] else "")

    order = {
        "": 0,
        **{text: rank + 1 for rank, text in enumerate(choice_label(kind, names) for kind in CHOICE_MARKS)},
    }
    columns = [
        SliceColumn("Slice", "Number in napari", lambda r: str(steps.index(r)), lambda r: steps.index(r)),
        SliceColumn(DECISION, "What was decided", decision, lambda r: order[decision(r)], False),
        SliceColumn(
            FLAG,
            "Flag: set by a reviewer. Triangle: the masks contradict each other. Tooltip of the row: why.",
            mark,
            lambda r: len(mark(r)) + bool(table.warnings[r]),
            False,
        ),
        SliceColumn(
            "Changed", f"Voxels whose label differs between the original and the {second} mask",
            lambda r: f"{change.changed[r]:,}", lambda r: int(change.changed[r]),
        ),
        SliceColumn(
            "Dice", f"Overlap of the original and the {second} mask over all labels (1: the same)",
            lambda r: f"{table.dice[r]:.2f}", lambda r: float(table.dice[r]),
        ),
    ]  # fmt: skip
    if table.uncertainty is not None:
        doubt = table.uncertainty
        columns.append(
            SliceColumn(
                "Uncertainty",
                "Uncertainty of the adapted model: mean entropy inside the masks, 0 (certain) to 1",
                lambda r: f"{doubt[r]:.2f}",
                lambda r: float(doubt[r]),
            )
        )
    for which in errors:
        columns.append(_error_column(which, errors, names[which]))
    measures = (
        ("mm\N{SUPERSCRIPT TWO}", "Area", change.area_before_mm2, change.area_after_mm2, 0),
        ("ml", "Volume", change.ml_before, change.ml_after, 2),
    )
    for unit, word, was, now, digits in measures:
        for column, value in enumerate(change.values):
            name = review.case.labels.get(value, str(value))
            columns.append(
                _pair(name, unit, word, was[:, column], now[:, column], digits, second)
            )  # one column: what it was and what it is now
    return columns


def _error_column(which: str, errors: Mapping[str, NDArray[np.int64]], called: str) -> SliceColumn:
    return SliceColumn(
        f"Wrong, {called}",
        f"Voxels of the {called} mask whose label differs from the reference",
        lambda r: f"{errors[which][r]:,}",
        lambda r: int(errors[which][r]),
    )


def _pair(
    name: str,
    unit: str,
    word: str,
    was: NDArray[np.float64],
    now: NDArray[np.float64],
    digits: int,
    second: str,
) -> SliceColumn:
    def text(row: int) -> str:
        if not was[row] and not now[row]:
            return ""
        return f"{was[row]:,.{digits}f} {ARROW} {now[row]:,.{digits}f}"

    short = name if len(name) <= 14 else name[:13] + "\N{HORIZONTAL ELLIPSIS}"
    tip = f"{word} of {name} in {unit}, original {ARROW} {second} (sorted by {second})"
    return SliceColumn(f"{short}, {unit}", tip, text, lambda r: float(now[r]))
