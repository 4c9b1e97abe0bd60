from __future__ import annotations

import numpy as np
import pytest
from review_parts import AXES, SHAPE, masks, review_case

from napari_osuda.session.review.final_mask import FinalMask
from napari_osuda.session.review.log import PLANES


@pytest.fixture
def final():
    return FinalMask(review_case(), AXES)


@pytest.mark.parametrize("plane", PLANES)
def test_what_is_painted_is_pending_until_it_is_put(final, plane):
    final.fill("after")
    stack = np.moveaxis(final.labels, AXES[plane], 0)
    stack[1] = np.where(stack[1] == 0, 1, 0)
    assert final.pending().sum() == stack[1].size
    assert final.pending_slices(plane) == (1,)
    assert not final.any_painted
    final.put(plane, (1,), final.slices(plane, (1,)), painted=True)
    assert not final.pending().any()
    assert final.painted(plane, range(SHAPE[AXES[plane]])) == [1]


def test_pending_strokes_are_undone_everywhere_or_where_it_is_said(final):
    final.fill("before")
    before, _ = masks()
    final.labels[0, 0], final.labels[1, 1] = 1 + (final.labels[0, 0] == 1), 1 + (final.labels[1, 1] == 1)
    where = np.zeros(SHAPE, bool)
    where[0] = True
    final.revert(where)
    assert final.pending_slices("sagittal") == (1,)
    final.revert()
    np.testing.assert_array_equal(final.labels, before)


def test_slices_of_a_mask_replace_what_was_painted(final):
    final.fill(None)
    final.put("axial", (2,), np.ones((1, *SHAPE[:2]), np.uint8), painted=True)
    final.take("before", "axial", (2,))
    np.testing.assert_array_equal(final.labels[..., 2], masks()[0][..., 2])
    assert not final.any_painted
    assert final.labels[..., 1].max() == 0
