from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from napari_osuda.errors import ConfigError
from napari_osuda.imaging import Grid
from napari_osuda.session.review.tools import Scope, Tool, ToolUse, apply_tool
from napari_osuda.session.review.tools.growing import grow, range_of
from napari_osuda.session.review.tools.interpolation import gap_around, interpolate
from napari_osuda.session.review.tools.parts import fill_holes, remove_islands
from napari_osuda.session.review.tools.smoothing import smooth

SPACING = (1.0, 2.0, 3.0)
labels_2d = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)
)
labels_3d = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 3)
)


def disk(radius: float, size: int = 21) -> np.ndarray:
    y, x = np.ogrid[:size, :size]
    return (y - size // 2) ** 2 + (x - size // 2) ** 2 <= radius**2


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


@settings(deadline=None, max_examples=40)
@given(labels_2d | labels_3d, st.floats(0.1, 3), st.sampled_from([None, 1, 2]))
def test_smoothing_invents_no_label_and_one_label_alone_changes_only_its_own_outline(labels, sigma, label):
    spacing = SPACING[: labels.ndim]
    smoothed = smooth(labels, spacing, sigma, label)
    assert set(np.unique(smoothed)) <= set(np.unique(labels))
    if label is not None:
        changed = smoothed != labels
        assert ((smoothed[changed] == label) | (labels[changed] == label)).all()
    np.testing.assert_array_equal(smooth(labels, spacing, 0.0, label), labels)


def test_smoothing_takes_a_spike_and_keeps_a_disk():
    labels = np.where(disk(8), 1, 0).astype(np.uint8)
    spiked = labels.copy()
    spiked[10, 18:21] = 1
    smoothed = smooth(spiked, (1, 1), 1.5)
    assert not smoothed[10, 20]
    assert abs(int(smoothed.sum()) - int(labels.sum())) < 0.05 * labels.sum()


def test_the_slices_between_two_disks_are_disks_in_between():
    labels = np.zeros((5, 21, 21), np.uint8)
    labels[0][disk(8)], labels[4][disk(4)] = 1, 1
    labels[2] = 3
    drawn = interpolate(labels, 0, 4, (1, 1))
    np.testing.assert_array_equal(drawn[[0, 4]], labels[[0, 4]])
    areas = [int((drawn[index] == 1).sum()) for index in range(5)]
    assert areas == sorted(areas, reverse=True)
    assert (drawn[2] == 1).sum() == pytest.approx(disk(6).sum(), rel=0.1)
    only = interpolate(labels, 0, 4, (1, 1), 1)
    np.testing.assert_array_equal(only[2] == 1, drawn[2] == 1)
    assert (only[2][~(drawn[2] == 1)] == 3).all(), "the other label keeps the rest"


def test_a_core_stays_within_its_rim_and_what_one_slice_lacks_ends_halfway():
    labels = np.zeros((5, 21, 21), np.uint8)
    for index in (0, 4):
        labels[index][disk(8)], labels[index][disk(3)] = 1, 2
    drawn = interpolate(labels, 0, 4, (1, 1))
    np.testing.assert_array_equal(drawn[2], labels[0])
    labels[4] = 0
    drawn = interpolate(labels, 0, 4, (1, 1))
    assert drawn[1].any()
    assert not drawn[3].any()
    assert interpolate(labels, 0, 4, (1, 1), 7).tolist() == labels.tolist()


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


@settings(deadline=None, max_examples=40)
@given(labels_3d, st.floats(0, 8), st.integers(0, 2**16))
def test_growing_stays_in_range_in_reach_and_off_other_labels(labels, reach, seed):
    image = np.random.default_rng(seed).normal(size=labels.shape)
    grown = grow(labels, image, 1, -0.5, 0.7, reach, SPACING)
    np.testing.assert_array_equal(grown[labels != 0], labels[labels != 0])
    new = grown != labels
    assert (image[new] >= -0.5).all()
    assert (image[new] <= 0.7).all()
    if new.any():
        distance = ndimage.distance_transform_edt(labels != 1, sampling=SPACING)
        assert distance[new].max() <= reach
        parts, count = ndimage.label(grown == 1)
        assert all((labels[parts == part] == 1).any() for part in range(1, count + 1)), "grown from the label"


def test_the_range_of_a_label_ignores_what_is_no_number():
    image = np.array([[1.0, 2.0, np.nan, 50.0]])
    assert range_of(np.array([[1, 1, 1, 0]]), image, 1) == pytest.approx((1.05, 1.95))
    assert range_of(np.zeros((1, 4), int), image, None) is None


@settings(deadline=None, max_examples=60)
@given(
    labels_3d, st.sampled_from(list(Tool)[:5]), st.sampled_from(list(Scope)), st.integers(0, 2),
    st.sampled_from([None, 1, 2]), st.data(),
)  # fmt: skip
def test_any_use_gives_a_mask_of_the_same_form_and_a_slice_touches_no_other(
    labels, tool, scope, axis, label, data
):
    index = data.draw(st.integers(0, labels.shape[axis] - 1))
    painted = data.draw(st.sets(st.integers(0, labels.shape[axis] - 1)))
    use = ToolUse(tool, label, scope, ml=0.002, mm=1.0, low=0.0, high=1.0, image="flair")
    before = labels.copy()
    try:
        result = apply_tool(
            labels,
            use,
            grid=Grid(labels.shape, np.diag([*SPACING, 1.0])),
            axis=axis,
            index=index,
            image=labels / 2.0,
            painted=sorted(painted),
        )
    except ConfigError:
        assert tool is Tool.INTERPOLATE or (tool is Tool.GROW and label is None)
        return
    np.testing.assert_array_equal(labels, before)
    assert (result.shape, result.dtype) == (labels.shape, labels.dtype)
    changed = np.flatnonzero((result != labels).any(axis=tuple(a for a in range(3) if a != axis)))
    if tool is not Tool.INTERPOLATE and scope is Scope.SLICE:
        assert set(changed) <= {index}
    if tool is Tool.INTERPOLATE:
        assert not set(changed) & painted


@given(st.builds(
    ToolUse, st.sampled_from(Tool), st.none() | st.integers(0, 300), st.sampled_from(Scope),
    *[st.none() | st.floats(allow_nan=False, allow_infinity=False)] * 4, image=st.text(),
))  # fmt: skip
def test_a_use_comes_back_from_the_log(use):
    assert ToolUse.from_dict(json.loads(json.dumps(use.to_dict()))) == use


@pytest.mark.parametrize(
    "values", [{}, {"tool": "saw"}, {"tool": "smooth", "mm": "wide"}, {"tool": "smooth", "label": 1.5},
               {"tool": "smooth", "mm": float("nan")}, {"tool": "smooth", "scope": []}]
)  # fmt: skip
def test_what_is_no_use_of_a_tool_is_refused(values):
    with pytest.raises(ValueError, match=r"."):
        ToolUse.from_dict(values)
