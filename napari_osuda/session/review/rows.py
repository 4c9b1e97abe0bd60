"""The slice tables as rows of a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.evaluation import change_table
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import SliceTable, viewer_slice
from napari_osuda.session.review.wording import FILE_DECISIONS, use_words, warning_words

__all__ = ["CsvRow", "csv_rows"]

CsvRow = dict[str, int | float | str]


def csv_rows(review: Review, table: SliceTable, reference: NDArray[Any] | None = None) -> Iterator[CsvRow]:
    """One dict a slice, for a CSV file: areas and volumes before, after and final, and the decision.

    Given a reference [I, J, K], also how many voxels of each mask have another label than it.
    """
    case, change = review.case, table.change
    # Those of the model, and those that a person has added.
    values = (*change.values, *sorted(set(review.voxels) - {0, *change.values}))
    final = change_table(case.before, review.final, case.grid.affine, change.axis, values)
    titles = [case.labels.get(value, f"label {value}") for value in values]
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
        row["guard"] = warning_words(table.warnings[index], case.names)
        row["decision"] = FILE_DECISIONS[None if chosen is None else chosen.kind]
        use = None if chosen is None else chosen.use
        row["edited_with"] = "" if use is None else use_words(use, case.labels)
        row["decided_by"] = "" if chosen is None else chosen.who
        row["decided_at"] = "" if chosen is None else chosen.when
        row["flagged"] = "yes" if flag is not None else "no"
        row["comment"] = "" if flag is None else flag.comment
        row["flagged_by"] = "" if flag is None else flag.who
        yield row
