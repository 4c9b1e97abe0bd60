"""Masks in the voxels of each image that was resampled."""

import nibabel as nib
import numpy as np

from napari_osuda.imaging import Grid, read_case, read_labels
from napari_osuda.imaging.preparation.own_grids import write_on_own_grids


def test_a_mask_returns_to_the_image_that_was_resampled(tmp_path):
    fine, thick = np.diag([1.0, 1, 1, 1]), np.diag([1.0, 1, 4, 1])
    thick[2, 3] = 1.5
    data = np.zeros((24, 24, 24), np.float32)
    data[6:18, 6:18, 4:20] = np.arange(1, 13)[:, None, None]
    nib.save(nib.Nifti1Image(data, fine), tmp_path / "t1.nii.gz")
    nib.save(nib.Nifti1Image(data[:, :, 1::4], thick), tmp_path / "flair.nii.gz")
    case = read_case(tmp_path, ("t1", "flair"))
    labels = (case.data[0] > 0).astype(np.uint8) * 3
    ((path, channel, covered),) = write_on_own_grids(tmp_path / "own-grids", case, labels)
    assert (channel, covered) == ("flair", 1.0)
    assert path.name == f"{case.name}_flair.nii.gz"
    found, grid = read_labels(path)
    assert isinstance(grid, Grid)
    assert found.shape == (24, 24, 6)
    np.testing.assert_allclose(grid.affine, thick)
    expected = np.zeros((24, 24, 6), np.uint8)
    expected[6:18, 6:18, 1:5] = 3
    np.testing.assert_array_equal(found, expected)


def test_what_the_mask_does_not_cover_is_told(tmp_path):
    data = np.zeros((24, 24, 24), np.float32)
    data[6:18, 6:18, 4:20] = 1
    nib.save(nib.Nifti1Image(data[:, :, :12], np.eye(4)), tmp_path / "t1.nii.gz")
    nib.save(nib.Nifti1Image(data[:, :, ::2], np.diag([1.0, 1, 2, 1])), tmp_path / "flair.nii.gz")
    case = read_case(tmp_path, ("t1", "flair"))
    (written,) = write_on_own_grids(tmp_path / "own", case, np.ones(case.grid.shape, np.uint8))
    assert written.covered == 0.5
    found, _ = read_labels(written.path)
    assert found.mean() == 0.5
