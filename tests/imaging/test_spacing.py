"""Held against MONAI's Spacing and its inverse, bit by bit."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.imaging.spacing import respacing

SIZES = (0.5, 0.9375, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0)


def a_volume(seed):
    """A volume half of air, its affine (upright, oblique or with shear) and a voxel size."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(5, 24, 3))
    turn = nib.eulerangles.euler2mat(*rng.choice([0, 0.2, 1.0], 3)) if seed % 3 else np.eye(3)
    shear = np.eye(3) + np.triu(rng.normal(0, 0.1, (3, 3)), 1) if seed % 5 == 4 else np.eye(3)
    affine = nib.affines.from_matvec(turn @ shear @ np.diag(rng.choice(SIZES, 3)), rng.normal(0, 50, 3))
    values = np.where(rng.random(shape) < 0.5, 0, rng.uniform(50, 400, shape)).astype(np.float32)
    values[: shape[0] // 2] = 0
    return values, affine, [float(mm) for mm in rng.choice(SIZES, 3)]


@pytest.mark.parametrize("seed", range(20))
def test_which_voxels_hold_air_after_resampling_is_what_monai_says(seed):
    pytest.importorskip("monai")
    import torch
    from monai.data import MetaTensor
    from monai.transforms import Spacing

    values, affine, spacing = a_volume(seed)
    monai = Spacing(pixdim=spacing, mode="bilinear")
    theirs = monai(MetaTensor(torch.from_numpy(values)[None], affine=torch.from_numpy(affine)))
    points = respacing(affine, values.shape, spacing)
    found = points.forward(values[None])
    np.testing.assert_array_equal(found, theirs.numpy())
    np.testing.assert_allclose(points.back(found), monai.inverse(theirs).numpy(), rtol=1e-5, atol=1e-4)


def test_a_voxel_size_that_the_image_has_leaves_it_as_it_is():
    values, affine, _ = a_volume(1)
    points = respacing(affine, values.shape, nib.affines.voxel_sizes(affine))
    assert points.shape == values.shape
    np.testing.assert_array_equal(points.forward(values), values)
    assert points.ratios == pytest.approx((1, 1, 1))


def test_the_nearest_point_is_taken_where_labels_come_back():
    labels = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    points = respacing(np.diag([1.0, 1.0, 1.0, 1.0]), (4, 4, 4), (2.0, 2.0, 2.0))
    assert points.shape == (2, 2, 2) or points.shape == (3, 3, 3)
    back = points.back(np.resize(labels, points.shape), nearest=True)
    assert set(np.unique(back)) <= set(np.unique(labels))
