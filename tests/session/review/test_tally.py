from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.session.review.tally import Tally

AXES = {"axial": 2, "coronal": 1, "sagittal": 0}
SHAPE = (3, 4, 5)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([*AXES]), st.integers(0, 2), st.integers(0, 2**16)), max_size=6),
       st.sampled_from([np.uint8, np.uint16, np.int16]))  # fmt: skip
def test_what_is_kept_up_is_what_a_new_count_gives(acts, dtype):
    mask = np.random.default_rng(0).integers(0, 3, SHAPE).astype(dtype)
    tally = Tally(AXES)
    tally.fill("after", mask)
    for plane, index, seed in acts:
        stack = np.moveaxis(mask, AXES[plane], 0)
        old = stack[[index]].copy()
        new = np.random.default_rng(seed).integers(0, 300 if dtype is not np.uint8 else 9, old.shape)
        stack[[index]] = new.astype(dtype)
        tally.put(plane, [index], old, stack[[index]])
    values, counts = np.unique(mask, return_counts=True)
    expected = {int(v): int(c) for v, c in zip(values, counts, strict=True) if v}
    assert tally.voxels == expected
    for plane, axis in AXES.items():
        others = tuple(a for a in range(3) if a != axis)
        assert tally.held[plane].tolist() == np.count_nonzero(mask, axis=others).tolist()


@pytest.mark.parametrize("kind", ["before", None])
def test_a_mask_that_was_counted_once_is_not_changed_by_later_acts(kind):
    mask = np.ones(SHAPE, np.uint8)
    tally = Tally(AXES)
    tally.fill(kind, mask)
    tally.put("axial", [0], mask[..., :1].transpose(2, 0, 1), np.zeros((1, 3, 4), np.uint8))
    assert tally.voxels == {1: 48}
    tally.fill(kind, mask)
    assert tally.voxels == {1: 60}
