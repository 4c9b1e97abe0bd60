"""An independent reader, SimpleITK, finds image and mask on one grid, whatever the format and the axes."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from dicom_parts import write_series
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.imaging import read_volume, write_labels

sitk = pytest.importorskip("SimpleITK")

SPACING = (0.9, 1.5, 3.25)
FORMATS = ("nii", "nii.gz", "nrrd", "nhdr", "mha", "mhd")
ORIENTATIONS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)
]


def itk_image(directions, origin=(-20.5, 31.25, 7.0)):
    voxels = np.random.default_rng(0).integers(-300, 300, (6, 5, 4)).astype(np.int16)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(SPACING)
    image.SetOrigin([float(v) for v in origin])
    image.SetDirection(np.asarray(directions, float).ravel().tolist())
    return image


def ras_affine(image):
    directions = np.reshape(image.GetDirection(), (3, 3))
    affine = np.eye(4)
    affine[:3, :3] = directions * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def require_the_same_place(folder, image, path):
    """The product's reading is ITK's, and ITK reads its mask on the image's own grid."""
    volume = read_volume(path)
    assert volume.grid.placed
    np.testing.assert_allclose(volume.grid.affine, ras_affine(image), atol=1e-4)
    np.testing.assert_array_equal(volume.data, sitk.GetArrayFromImage(image).transpose(2, 1, 0))
    labels = (volume.data > 100).astype(np.uint8) + 2 * (volume.data < -200)
    write_labels(folder / "mask.nii.gz", labels, volume.grid)
    mask = sitk.ReadImage(str(folder / "mask.nii.gz"))
    np.testing.assert_allclose(mask.GetOrigin(), image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(mask.GetSpacing(), image.GetSpacing(), rtol=1e-4)
    np.testing.assert_allclose(mask.GetDirection(), image.GetDirection(), atol=1e-4)
    found = sitk.GetArrayFromImage(mask)
    values = sitk.GetArrayFromImage(image)
    np.testing.assert_array_equal(found, (values > 100) + 2 * (values < -200))


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_each_of_the_48_orientations_in_each_format(tmp_path, order, signs):
    directions = np.zeros((3, 3))
    for axis, (row, sign) in enumerate(zip(order, signs, strict=True)):
        directions[row, axis] = sign
    image = itk_image(directions)
    for suffix in FORMATS:
        sitk.WriteImage(image, str(tmp_path / f"t2.{suffix}"))
        require_the_same_place(tmp_path, image, tmp_path / f"t2.{suffix}")


@given(st.integers(0, 2**32 - 1), st.sampled_from(FORMATS), st.booleans())
@settings(max_examples=60)
def test_any_oblique_affine_in_any_format_compressed_or_not(tmp_path_factory, seed, suffix, compressed):
    folder = tmp_path_factory.mktemp("oblique")
    rng = np.random.default_rng(seed)
    directions, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    image = itk_image(directions, rng.uniform(-200, 200, 3))
    sitk.WriteImage(image, str(folder / f"t2.{suffix}"), useCompression=compressed)
    require_the_same_place(folder, image, folder / f"t2.{suffix}")


@pytest.mark.parametrize("degrees", [0, 17, 61])
def test_a_dicom_series_and_its_mask(tmp_path, degrees):
    turned = np.eye(4)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag([-0.9, -0.9, 3.0])
    turned[:3, 3] = 40, 50, -60
    voxels = np.random.default_rng(0).integers(-300, 300, (8, 7, 6)).astype(np.int16)
    write_series(tmp_path / "series", voxels, turned)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "series"))
    image = sitk.Cast(sitk.ReadImage(names), sitk.sitkInt16)
    require_the_same_place(tmp_path, image, tmp_path / "series")


def test_mgh_files_and_their_masks(tmp_path):
    affine = np.array([[-1, 0, 0, 8], [0, 0, 1.25, 7], [0, -1.5, 0, 6], [0, 0, 0, 1.0]])
    voxels = np.random.default_rng(0).integers(-300, 300, (4, 5, 6)).astype(np.int16)
    nib.save(nib.MGHImage(voxels, affine), tmp_path / "t1.mgz")
    nib.save(nib.Nifti1Image(voxels, affine), tmp_path / "same.nii")
    require_the_same_place(tmp_path, sitk.ReadImage(str(tmp_path / "same.nii")), tmp_path / "t1.mgz")
