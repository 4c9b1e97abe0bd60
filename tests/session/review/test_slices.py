from __future__ import annotations

import numpy as np
import pytest
from review_parts import AFFINE, AXES, LABELS, SHAPE, review_case

from napari_osuda.imaging import Grid
from napari_osuda.session.review.case import ReviewCase
from napari_osuda.session.review.log import PLANES
from napari_osuda.session.review.slices import WarningKind, slice_table, viewer_slice


def case_of(before, after, **changes):
    return ReviewCase(
        "case", before, after, Grid(before.shape, np.diag([1.0, 1.0, 1.0, 1.0])), LABELS, **changes
    )


@pytest.mark.parametrize("plane", PLANES)
def test_every_slice_is_counted_as_numpy_counts_it(plane):
    case = review_case()
    table = slice_table(case, plane)
    before, after = (np.moveaxis(m, AXES[plane], 0) for m in (case.before, case.after))
    assert len(table.dice) == SHAPE[AXES[plane]]
    for index in range(len(table.dice)):
        assert table.change.changed[index] == np.count_nonzero(before[index] != after[index])


def test_positions_are_millimeters_of_the_patient():
    np.testing.assert_allclose(slice_table(review_case(), "axial").position_mm, 3.0 * np.arange(4))
    np.testing.assert_allclose(slice_table(review_case(), "sagittal").position_mm, -2.0 * np.arange(6))


def test_the_viewer_counts_towards_s_a_and_r():
    case = review_case()
    assert viewer_slice(case, "axial", 1) == 1
    assert AFFINE[0, 0] < 0
    assert viewer_slice(case, "sagittal", 1) == SHAPE[0] - 2


def square(edge, at=0):
    mask = np.zeros((40, 40, 1), np.uint8)
    mask[at : at + edge, at : at + edge] = 1
    return mask


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (square(10), square(0), WarningKind.ADAPTED_EMPTY),
        (square(0), square(10), WarningKind.ORIGINAL_EMPTY),
        (square(20), square(9), WarningKind.SMALLER),
        (square(9), square(20), WarningKind.LARGER),
        (square(10), square(10, 15), WarningKind.APART),
        (square(10), square(11), None),
        (square(7), square(0), None),
    ],
)
def test_a_slice_is_pointed_out_where_the_masks_contradict_each_other(before, after, kind):
    (warning,) = slice_table(case_of(before, after), "axial").warnings
    assert (None if warning is None else warning.kind) == kind


def test_the_most_uncertain_quarter_is_by_rank():
    before = np.ones((4, 4, 8), np.uint8)
    unsure = np.broadcast_to(np.linspace(0.0, 0.7, 8), before.shape).copy()
    table = slice_table(case_of(before, before, uncertainty=unsure), "axial")
    np.testing.assert_allclose(table.uncertainty, np.linspace(0.0, 0.7, 8))
    assert np.flatnonzero(table.uncertain).tolist() == [6, 7]
    assert not slice_table(case_of(before, before), "axial").uncertain.any()
