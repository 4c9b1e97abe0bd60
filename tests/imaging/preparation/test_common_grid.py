"""Resampling by affines, held against SimpleITK."""

import numpy as np
import pytest
from grid_parts import FINE, THICK, ball, itk_image, random_grid
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.imaging import Grid
from napari_osuda.imaging.preparation.common_grid import resampled

sitk = pytest.importorskip("SimpleITK")


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1]))
@settings(max_examples=25)
def test_any_two_oblique_grids_as_itk_resamples_them(seed, order):
    rng = np.random.default_rng(seed)
    own = random_grid(rng, (12, 13, 14), np.array([2.0, 2.5, 3.0]))
    # Nowhere wider than the image's voxels: there is no smoothing to compare.
    target = random_grid(rng, (15, 14, 13), np.array([1.1, 1.3, 0.9]))
    data = rng.normal(size=own.shape).astype(np.float32)
    moved, inside = resampled(data, own, target, order=order, outside=-7.0)
    how = sitk.sitkLinear if order else sitk.sitkNearestNeighbor
    expected = sitk.Resample(
        itk_image(own, data),
        itk_image(target, np.zeros(target.shape, np.float32)),
        sitk.Transform(),
        how,
        -7.0,
    )
    found = sitk.GetArrayFromImage(expected).transpose(2, 1, 0)
    # At the very edge, and halfway between voxels, rounding decides.
    alike = np.isclose(moved, found, atol=2e-3)
    assert alike.mean() > 0.995
    assert np.array_equal(moved[~inside], np.full((~inside).sum(), -7.0, np.float32))


def test_a_wide_voxel_is_the_mean_of_what_it_covers(tmp_path):
    fine, thick = Grid((20, 20, 120), np.eye(4)), Grid((20, 20, 20), np.diag([1.0, 1, 6, 1]))
    stripes = np.zeros(fine.shape, np.float32)
    # One slice in six: of points alone all or none would be left.
    stripes[:, :, ::6] = 6.0
    moved, _ = resampled(stripes, fine, thick)
    assert 0.7 < moved[:, :, 5:15].mean() < 1.6


def test_labels_keep_their_values_on_another_grid():
    fine, thick = Grid((64, 64, 64), FINE), Grid((64, 64, 11), THICK)
    labels = (ball(fine) > 0).astype(np.uint8) * 4
    moved, _ = resampled(labels, fine, thick, order=0)
    assert moved.dtype == np.uint8
    assert set(np.unique(moved)) == {0, 4}
    assert abs(moved.astype(bool).sum() * 6 / labels.astype(bool).sum() - 1) < 0.05
