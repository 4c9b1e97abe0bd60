import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import DIFFERENCE, change_table, dice, difference, volume_ml

SPACING = (1.0, 2.0, 3.5)
labels = arrays(np.uint8, (3, 4, 5), elements=st.sampled_from([0, 1, 2, 4]))


@given(labels, labels, st.integers(0, 2))
def test_every_slice_and_label_equals_the_plain_count(before, after, axis):
    table = change_table(before, after, SPACING, axis, values=(1, 2, 4))
    for s in range(before.shape[axis]):
        b, a = before.take(s, axis), after.take(s, axis)
        assert table.changed[s] == np.count_nonzero(b != a)
        for column, value in enumerate((1, 2, 4)):
            assert table.dice[s, column] == pytest.approx(dice(b == value, a == value))
            assert table.ml_before[s, column] == pytest.approx(volume_ml(b == value, SPACING))
            assert table.ml_after[s, column] == pytest.approx(volume_ml(a == value, SPACING))
            pixel = np.prod(SPACING) / SPACING[axis]
            assert table.area_after_mm2[s, column] == pytest.approx(np.count_nonzero(a == value) * pixel)
            assert table.area_before_mm2[s, column] == pytest.approx(np.count_nonzero(b == value) * pixel)


@given(labels, labels)
def test_difference_says_which_way_each_voxel_went(before, after):
    result = difference(before, after)
    for value, name in ((value, name) for value, (name, _) in DIFFERENCE.items()):
        expected = {
            "gained": (before == 0) & (after != 0),
            "lost": (before != 0) & (after == 0),
            "kept": (before != 0) & (before == after),
            "relabeled": (before != 0) & (after != 0) & (before != after),
        }[name]
        assert np.array_equal(result == value, expected)


def test_labels_are_found_and_a_choice_of_them_hides_no_change():
    before, after = np.zeros((2, 2, 2, 2), dtype=np.int16)
    after[0, 0, 0], before[1, 1, 1] = 300, 7
    assert change_table(before, after, SPACING, 0).values == (7, 300)
    chosen = change_table(before, after, SPACING, 0, values=[7])
    assert chosen.before.tolist() == [[0], [1]]
    assert chosen.changed.tolist() == [1, 1]


def test_the_slices_that_changed_most_come_in_order():
    before, after = np.zeros((2, 6, 4, 4), dtype=np.uint8)
    for index, voxels in ((1, 3), (4, 9), (5, 1)):
        after[index].flat[:voxels] = 1
    table = change_table(before, after, SPACING, 0)
    assert table.most_changed(2) == [1, 4]
    assert table.most_changed(9) == [1, 4, 5]
    assert table.most_changed(9, apart=2) == [1, 4]
    assert table.most_changed(9, apart=4) == [4]


def test_rows_are_called_by_label_names():
    before = np.ones((2, 2, 2), dtype=np.uint8)
    first, second = change_table(before, before, SPACING, 2).rows({1: "whole tumor"})
    assert first == {
        "slice": 0,
        "changed_voxels": 0,
        "area_before_mm2 whole tumor": 8.0,
        "area_after_mm2 whole tumor": 8.0,
        "ml_before whole tumor": pytest.approx(0.028),
        "ml_after whole tumor": pytest.approx(0.028),
        "dice whole tumor": 1.0,
    }
    assert second["slice"] == 1


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (np.zeros((2, 2, 3), np.uint8), "one grid"),
        (np.zeros((2, 2, 2), np.float32), "whole numbers"),
        (np.full((2, 2, 2), -1), "outside 0 to 65535"),
    ],
)
def test_what_cannot_be_compared_is_refused(after, sentence):
    with pytest.raises(CaseError, match=sentence):
        change_table(np.zeros((2, 2, 2), np.uint8), after, SPACING, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_brats_volume_takes_a_second_at_most(axis):
    rng = np.random.default_rng(0)
    before, after = np.zeros((2, 155, 240, 240), dtype=np.uint8)
    for volume in (before, after):
        volume[40:120, 60:180, 60:180] = rng.integers(0, 5, (80, 120, 120))
    start = time.process_time()
    change_table(before, after, (1, 1, 1), axis)
    # Of a processor: its figure is benchmarks/review_speed.py, on a machine that does nothing else.
    assert time.process_time() - start < 2.0
