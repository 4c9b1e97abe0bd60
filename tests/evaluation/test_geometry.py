"""Volumes and distances where array axes are not at right angles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import KDTree

from napari_osuda.evaluation import change_table, evaluate, hausdorff, surface, volume_ml
from napari_osuda.evaluation.geometry import pixel_mm2, steps_of, voxel_ml


def some_affine(seed):
    random = np.random.default_rng(seed)
    affine = np.eye(4)
    shear = np.eye(3) + np.triu(random.uniform(-0.5, 0.5, (3, 3)), 1)
    affine[:3, :3] = np.linalg.qr(random.normal(size=(3, 3)))[0] @ shear @ np.diag(random.uniform(0.5, 4, 3))
    affine[:3, 3] = random.uniform(-99, 99, 3)
    return affine


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_the_volume_is_the_determinant_and_a_distance_that_of_points_in_space(seed):
    affine = some_affine(seed)
    random = np.random.default_rng(seed)
    a, b = random.random((2, 7, 8, 6)) > 0.8
    assert volume_ml(a, affine) == pytest.approx(a.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000)
    points = [np.argwhere(surface(mask)) @ affine[:3, :3].T for mask in (a, b)]
    expected = max(KDTree(points[1 - i]).query(points[i])[0].max() for i in (0, 1))
    assert hausdorff(a, b, affine) == pytest.approx(expected)
    (score,) = evaluate(a.astype(np.uint8), b.astype(np.uint8), affine, {"all": (1,)})
    assert score.hd == pytest.approx(expected)
    assert score.prediction_ml == pytest.approx(volume_ml(a, affine[:3, :3]))


@given(st.lists(st.floats(0.1, 9), min_size=3, max_size=3), st.integers(0, 2))
def test_edges_alone_are_the_affine_of_upright_voxels(spacing, axis):
    for size in (spacing, np.diag(spacing), np.diag([*spacing, 1.0])):
        np.testing.assert_array_equal(steps_of(size), np.diag(spacing))
        assert voxel_ml(size) == pytest.approx(np.prod(spacing) / 1000)
        assert pixel_mm2(size, axis) == pytest.approx(np.prod(np.delete(spacing, axis)))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2))
@settings(deadline=None, max_examples=20)
def test_the_slices_of_a_sheared_volume_add_up_to_it(seed, axis):
    affine = some_affine(seed)
    before, after = np.random.default_rng(seed).integers(0, 3, (2, 4, 5, 6), np.uint8)
    table = change_table(before, after, affine, axis)
    assert table.ml_before.sum() == pytest.approx(volume_ml(before > 0, affine))
    # An area is that of the pixel's own parallelogram.
    others = [i for i in range(3) if i != axis]
    area = np.linalg.norm(np.cross(*(affine[:3, i] for i in others)))
    assert table.pixel_mm2 == pytest.approx(area)
