"""What the columns of the slice table say and how they sort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import SliceTable
from napari_osuda.widgets.review.planes import Shown

__all__ = ["CHOICES", "FLAG", "Column", "columns_of"]

FLAG = "\N{BLACK FLAG}"
CHOICES = {"after": "\N{CHECK MARK} after", "before": "\N{LEFTWARDS ARROW WITH HOOK} before",
            "edited": "\N{LOWER RIGHT PENCIL} edited"}  # fmt: skip
"""What was decided, in the table's words."""


@dataclass(frozen=True)
class Column:
    """A title, its tip, and what a slice (by the number in the case) has there, as text and for sorting."""

    title: str
    tip: str
    text: Callable[[int], str]
    sort: Callable[[int], float]
    numeric: bool = True


def columns_of(
    review: Review, table: SliceTable, steps: Shown, errors: Mapping[str, NDArray[np.int64]]
) -> list[Column]:
    """Columns of a plane's slices; ``errors``: wrong voxels of each slice by mask, given a reference."""
    change, plane = table.change, table.plane

    def decision(row: int) -> str:
        chosen = review.choice(plane, row)
        return "" if chosen is None else CHOICES[chosen.kind]

    def mark(row: int) -> str:
        flagged = FLAG if review.flag(plane, row) is not None else ""
        return flagged + ("\N{BLACK UP-POINTING TRIANGLE}" if table.warnings[row] else "")

    order = {"": 0, **{text: place + 1 for place, text in enumerate(CHOICES.values())}}
    columns = [
        Column("Slice", "The viewer's number", lambda r: str(steps.index(r)), lambda r: steps.index(r)),
        Column("Decision", "What was decided", decision, lambda r: order[decision(r)], False),
        Column(
            FLAG,
            "A flag is a person's, a triangle the guard's; the tip of a row says why",
            mark,
            lambda r: len(mark(r)) + bool(table.warnings[r]),
            False,
        ),
        Column(
            "Changed", "Voxels whose label differs between before and after",
            lambda r: f"{change.changed[r]:,}", lambda r: int(change.changed[r]),
        ),
        Column(
            "Dice", "Agreement of before and after, all labels; low: the two disagree",
            lambda r: f"{table.dice[r]:.2f}", lambda r: float(table.dice[r]),
        ),
    ]  # fmt: skip
    if table.uncertainty is not None:
        doubt = table.uncertainty
        columns.append(
            Column(
                "Unsure",
                "Mean normalized entropy of the adapted network, 0 (sure) to 1, where there is a mask",
                lambda r: f"{doubt[r]:.2f}",
                lambda r: float(doubt[r]),
            )
        )
    for which in errors:
        columns.append(_error_column(which, errors))
    places = (
        ("mm\N{SUPERSCRIPT TWO}", "Area", change.area_before_mm2, change.area_after_mm2, 0),
        ("ml", "Volume", change.ml_before, change.ml_after, 2),
    )
    for unit, word, was, now, digits in places:
        for column, value in enumerate(change.values):
            name = review.case.labels.get(value, str(value))
            columns.append(
                _pair(name, unit, word, was[:, column], now[:, column], digits)
            )  # one column: what it was and what it is now
    return columns


def _error_column(which: str, errors: Mapping[str, NDArray[np.int64]]) -> Column:
    return Column(
        f"Wrong, {which}",
        f"Against the reference: voxels whose label is not the reference's, mask {which}",
        lambda r: f"{errors[which][r]:,}",
        lambda r: int(errors[which][r]),
    )


def _pair(
    name: str, unit: str, word: str, was: NDArray[np.float64], now: NDArray[np.float64], digits: int
) -> Column:
    arrow = "\N{RIGHTWARDS ARROW}"

    def text(row: int) -> str:
        if not was[row] and not now[row]:
            return ""
        return f"{was[row]:,.{digits}f} {arrow} {now[row]:,.{digits}f}"

    short = name if len(name) <= 14 else name[:13] + "\N{HORIZONTAL ELLIPSIS}"
    tip = f"{word} of {name} in {unit}, before {arrow} after; sorted by after"
    return Column(f"{short}, {unit}", tip, text, lambda r: float(now[r]))
