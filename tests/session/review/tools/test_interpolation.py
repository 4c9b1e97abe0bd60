from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mask_parts import disk

from napari_osuda.session.review.tools.interpolation import gap_around, interpolate_slices


def test_the_slices_between_two_disks_are_disks_in_between():
    labels = np.zeros((5, 21, 21), np.uint8)
    labels[0][disk(8)], labels[4][disk(4)] = 1, 1
    labels[2] = 3
    drawn = interpolate_slices(labels, 0, 4, (1, 1))
    np.testing.assert_array_equal(drawn[[0, 4]], labels[[0, 4]])
    areas = [int((drawn[index] == 1).sum()) for index in range(5)]
    assert areas == sorted(areas, reverse=True)
    assert (drawn[2] == 1).sum() == pytest.approx(disk(6).sum(), rel=0.1)
    only = interpolate_slices(labels, 0, 4, (1, 1), 1)
    np.testing.assert_array_equal(only[2] == 1, drawn[2] == 1)
    assert (only[2][~(drawn[2] == 1)] == 3).all(), "the other label keeps the rest"


def test_a_core_stays_within_its_rim_and_what_one_slice_lacks_ends_halfway():
    labels = np.zeros((5, 21, 21), np.uint8)
    for index in (0, 4):
        labels[index][disk(8)], labels[index][disk(3)] = 1, 2
    drawn = interpolate_slices(labels, 0, 4, (1, 1))
    np.testing.assert_array_equal(drawn[2], labels[0])
    labels[4] = 0
    drawn = interpolate_slices(labels, 0, 4, (1, 1))
    assert drawn[1].any()
    assert not drawn[3].any()
    assert interpolate_slices(labels, 0, 4, (1, 1), 7).tolist() == labels.tolist()


@given(st.sets(st.integers(0, 12)), st.integers(0, 12))
def test_the_gap_is_between_neighboring_painted_slices_around_the_current_one(painted, index):
    gap = gap_around(sorted(painted), index)
    if gap is None:
        inner = [
            i
            for i in range(13)
            if i not in painted and min(painted, default=13) < i < max(painted, default=0)
        ]
        assert index not in inner
    else:
        first, last = gap
        assert {first, last} <= painted
        assert not painted & set(range(first + 1, last))
        assert first <= index <= last
        assert last - first > 1


def test_between_two_slices_that_lack_a_label_it_is_cleared_and_others_stay():
    labels = np.zeros((4, 5, 5), np.uint8)
    labels[1:3, 2, 2] = 1
    labels[1, 0, 0] = 2
    assert not interpolate_slices(labels, 0, 3, (1.0, 1.0)).any()
    one = interpolate_slices(labels, 0, 3, (1.0, 1.0), label=1)
    assert (one == 2).sum() == 1
    assert not (one == 1).any()
