from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_osuda.evaluation import count_pieces, lost_pieces, pieces_of, voxel_ml

MASKS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 2))


@settings(deadline=None, max_examples=60)
@given(MASKS, st.randoms())
def test_the_pieces_are_all_that_is_lost_and_the_largest_is_first(before, random):
    after = np.where([[[random.random() < 0.5 for _ in row] for row in part] for part in before], before, 0)
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    found = lost_pieces(before, after, affine)
    numbers, count = pieces_of((before != 0) & (after == 0))
    assert [piece.number for piece in found] == list(range(1, count + 1))
    assert count_pieces((before != 0) & (after == 0)) == count
    ml = [piece.ml for piece in found]
    assert ml == sorted(ml, reverse=True)
    lost = np.count_nonzero((before != 0) & (after == 0))
    assert sum(ml) == pytest.approx(lost * voxel_ml(affine))
    for piece in found:
        where = np.argwhere(numbers == piece.number)
        # Others lie in the same box.
        assert piece.is_in(numbers == piece.number)
        assert not piece.is_in(after)
        for axis in range(3):
            assert [*piece.slices(axis)] == [*range(where[:, axis].min(), where[:, axis].max() + 1)]
            counts = np.bincount(where[:, axis])
            assert counts[piece.widest[axis]] == counts.max()


def test_pieces_that_touch_at_a_corner_are_one():
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 3, 3] = True
    numbers, count = pieces_of(mask)
    assert count == 2
    assert numbers[0, 0, 0] == numbers[1, 1, 1] == 1
    assert numbers[3, 3, 3] == 2


def test_where_nothing_is_lost_there_is_no_piece():
    mask = np.ones((2, 2, 2), np.uint8)
    assert lost_pieces(mask, mask, np.eye(4)) == []
    assert pieces_of(mask == 0)[1] == 0
