from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_parts import disk, labels_2d, labels_3d
from scipy import ndimage

from napari_osuda.evaluation import pieces_of
from napari_osuda.session.review.tools.parts import bring_back, fill_holes, remove_islands


@settings(deadline=None)
@given(labels_2d | labels_3d)
def test_holes_are_filled_and_nothing_else_is_touched(labels):
    filled = fill_holes(labels)
    np.testing.assert_array_equal(filled != 0, ndimage.binary_fill_holes(labels != 0))
    np.testing.assert_array_equal(filled[labels != 0], labels[labels != 0])
    np.testing.assert_array_equal(fill_holes(filled), filled)
    for label in (1, 2):
        only = fill_holes(labels, label)
        changed = only != labels
        assert not changed.any() or set(only[changed]) == {label}
        assert not (changed & (filled == labels)).any()


@settings(deadline=None)
@given(labels_2d | labels_3d, st.floats(0, 12))
def test_parts_below_the_volume_are_gone_and_no_other(labels, least):
    kept = remove_islands(labels, 1.0, least)
    structure = np.ones((3,) * labels.ndim)
    parts, count = ndimage.label(labels != 0, structure)
    for part in range(1, count + 1):
        here = parts == part
        if here.sum() < least:
            assert not kept[here].any()
        else:
            np.testing.assert_array_equal(kept[here], labels[here])
    assert not kept[labels == 0].any()
    alone = remove_islands(labels, 1.0, least, 2)
    np.testing.assert_array_equal(alone[labels != 2], labels[labels != 2])


def test_an_island_within_another_label_leaves_no_hole():
    labels = np.where(disk(8), 1, 0).astype(np.uint8)
    labels[10, 10] = 2
    np.testing.assert_array_equal(remove_islands(labels, 0.001, 0.01, 2), np.where(disk(8), 1, 0))
    assert remove_islands(labels, 0.001, 0.01)[10, 10] == 2, "a part of all labels together is large"


@settings(deadline=None)
@given(labels_3d, labels_3d, st.data())
def test_all_pieces_brought_back_give_the_original_where_nothing_else_was_marked(before, painted, data):
    after = np.where(before == 1, 0, before)
    painted = np.resize(painted, before.shape)
    labels = np.where(painted == 2, painted, after).astype(before.dtype)
    count = pieces_of((before != 0) & (after == 0))[1]
    back = labels
    for piece in data.draw(st.permutations(range(1, count + 1))):
        once = bring_back(back, before, after, piece)
        changed = once != back
        assert set(once[changed]) <= {1}
        assert not back[changed].any()
        back = once
    np.testing.assert_array_equal(back, np.where((labels == 0) & (before == 1), 1, labels))
    np.testing.assert_array_equal(bring_back(labels, before, after, count + 1), labels)
