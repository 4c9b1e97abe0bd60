"""Images on different grids: brought to one by their affines as SimpleITK does, or refused."""

import nibabel as nib
import numpy as np
import pytest
from dicom_parts import rewrite, write_series
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid, read_case, read_volume, write_labels
from napari_osuda.imaging.preparation.choices import FINEST, Preparation
from napari_osuda.imaging.preparation.common_grid import resampled

sitk = pytest.importorskip("SimpleITK")

FINE = np.array([[-1.0, 0, 0, 31.5], [0, 1.0, 0, -31.5], [0, 0, 1.0, -31.5], [0, 0, 0, 1]])
THICK = np.array([[-1.0, 0, 0, 31.5], [0, 1.0, 0, -31.5], [0, 0, 6.0, -29.0], [0, 0, 0, 1]])


def ball(grid, center=(0, 0, 0), radius=25.0):
    """A ball in air, brighter towards the patient's left: what it looks like does not depend on the grid."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"))
    place = np.tensordot(grid.affine[:3, :3], index, 1) + grid.affine[:3, 3, None, None, None]
    away = np.linalg.norm(place - np.reshape(center, (3, 1, 1, 1)), axis=0)
    return np.where(away < radius, 500 - 4 * place[0], 0).astype(np.float32)


def shifted(affine, mm):
    moved = affine.copy()
    moved[0, 3] += mm
    return moved


def save(path, grid, data, code=1):
    image = nib.Nifti1Image(data, grid.affine)
    image.set_sform(grid.affine, code=code)
    image.set_qform(grid.affine, code=code)
    nib.save(image, path)
    return path


@pytest.fixture
def patient(tmp_path):
    folder = tmp_path / "patient7"
    folder.mkdir()
    for name, grid in (("t1", Grid((64, 64, 64), FINE)), ("flair", Grid((64, 64, 11), THICK))):
        save(folder / f"{name}.nii.gz", grid, ball(grid))
    return folder


def itk_image(path_or_grid, data=None):
    if data is None:
        return sitk.ReadImage(str(path_or_grid))
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    affine = np.diag([-1.0, -1, 1, 1]) @ path_or_grid.affine
    image.SetSpacing([float(v) for v in path_or_grid.spacing])
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / path_or_grid.spacing).ravel().tolist())
    return image


def random_grid(rng, shape, spacing):
    directions, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2) + rng.uniform(-4, 4, 3)
    return Grid(shape, affine)


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


def test_a_thick_image_is_brought_to_a_fine_one_and_the_mask_to_the_reference(patient):
    case = read_case(patient, ("t1", "flair"))
    assert case.grid.shape == (64, 64, 64)
    assert case.preparation.reference_grid == "t1"
    assert [source.resampled for source in case.sources] == [False, True]
    assert case.sources[1].grid.shape == (64, 64, 11)
    within = ball(case.grid, radius=17) > 0
    np.testing.assert_allclose(case.data[1][within], case.data[0][within], atol=3)
    mask = (case.data[1] > 250).astype(np.uint8)
    write_labels(patient / "mask.nii.gz", mask, case.grid)
    assert itk_image(patient / "mask.nii.gz").GetSize() == itk_image(patient / "t1.nii.gz").GetSize()


@pytest.mark.parametrize(
    ("wanted", "channels", "shape"),
    [
        ("", ("flair", "t1"), (64, 64, 11)), ("flair", ("t1", "flair"), (64, 64, 11)),
        ("FLAIR", ("t1", "flair"), (64, 64, 11)), ("t1", ("flair", "t1"), (64, 64, 64)),
        (FINEST, ("flair", "t1"), (64, 64, 64)),
    ],
)  # fmt: skip
def test_the_reference_is_the_first_or_the_chosen_one(patient, wanted, channels, shape):
    case = read_case(patient, channels, preparation=Preparation(wanted))
    assert case.grid.shape == shape
    assert case.channels == channels
    within = ball(case.grid, radius=17) > 0
    np.testing.assert_allclose(case.data[0][within], case.data[1][within], atol=8)


def test_an_unknown_reference_is_refused(patient):
    with pytest.raises(CaseError, match="'t2' is no channel of the case: give one of t1, flair, or finest"):
        read_case(patient, ("t1", "flair"), preparation=Preparation("t2"))


def test_a_wide_voxel_is_the_mean_of_what_it_covers(tmp_path):
    fine, thick = Grid((20, 20, 120), np.eye(4)), Grid((20, 20, 20), np.diag([1.0, 1, 6, 1]))
    stripes = np.zeros(fine.shape, np.float32)
    # One slice in six: of points alone all or none would be left.
    stripes[:, :, ::6] = 6.0
    moved, _ = resampled(stripes, fine, thick)
    assert 0.7 < moved[:, :, 5:15].mean() < 1.6


def test_the_same_voxels_in_another_order_are_not_interpolated(patient):
    turned = nib.load(patient / "t1.nii.gz").as_reoriented([[1, -1], [2, 1], [0, -1]])
    nib.save(turned, patient / "t2.nii.gz")
    case = read_case(patient, ("t1", "t2"))
    np.testing.assert_array_equal(case.data[0], case.data[1])
    assert not any(source.resampled for source in case.sources)


def test_as_many_voxels_elsewhere_are_resampled_only_if_that_is_chosen(patient):
    grid = Grid((64, 64, 64), shifted(FINE, 5.5))
    save(patient / "t2.nii.gz", grid, ball(grid))
    with pytest.raises(CaseError, match=r"lies elsewhere by its header.*--reference-grid"):
        read_case(patient, ("t1", "t2"))
    case = read_case(patient, ("t1", "t2"), preparation=Preparation("t1"))
    within = ball(case.grid, radius=20) > 0
    np.testing.assert_allclose(case.data[1][within], case.data[0][within], atol=1)


def test_images_without_a_place_in_common_are_refused(patient):
    grid = Grid((64, 64, 11), shifted(THICK, 500.0))
    save(patient / "flair.nii.gz", grid, ball(grid, (500, 0, 0)))
    with pytest.raises(CaseError, match="show no place in common"):
        read_case(patient, ("t1", "flair"))


def test_an_image_of_less_than_half_of_the_head_is_refused_and_of_more_is_told(patient):
    for first, share in ((8, None), (3, 0.85)):
        grid = Grid((64, 64, 11 - first), THICK @ nib.affines.from_matvec(np.eye(3), (0, 0, first)))
        save(patient / "flair.nii.gz", grid, ball(grid))
        if share is None:
            with pytest.raises(CaseError, match=r"shows only \d+% of the head"):
                read_case(patient, ("t1", "flair"))
        else:
            assert read_case(patient, ("t1", "flair")).sources[1].covered == pytest.approx(share, abs=0.15)


@pytest.mark.parametrize("code", [3, 4])
def test_a_template_and_the_scanner_are_two_spaces(patient, code):
    grid = Grid((64, 64, 11), THICK)
    save(patient / "flair.nii.gz", grid, ball(grid), code)
    with pytest.raises(CaseError, match=r"lies in .* space and .* in the scanner's space"):
        read_case(patient, ("t1", "flair"))


def test_an_image_that_does_not_say_where_it_lies_is_not_resampled(patient):
    save(patient / "flair.nii.gz", Grid((64, 64, 11), THICK), ball(Grid((64, 64, 11), THICK)), 0)
    with pytest.raises(CaseError, match="does not say how it lies in the scanner"):
        read_case(patient, ("t1", "flair"))


@pytest.mark.parametrize(
    ("element", "sentence"),
    [("FrameOfReferenceUID", "different frames of reference"), ("PatientID", "are of two patients")],
)
def test_dicom_series_of_two_positions_or_patients_are_refused(tmp_path, element, sentence):
    for name, affine, size in (("T1", FINE, 64), ("FLAIR", THICK, 11)):
        grid = Grid((64, 64, size), affine)
        write_series(tmp_path / name, ball(grid).astype(np.int16), affine, description=name)
    case = read_case(tmp_path, ("flair", "t1"))
    assert case.grid.shape == (64, 64, 11)
    for file in (tmp_path / "T1").iterdir():
        rewrite(file, **{element: "1.2.3.4"})
    with pytest.raises(CaseError, match=sentence):
        read_case(tmp_path, ("flair", "t1"))


def test_labels_keep_their_values_on_another_grid():
    fine, thick = Grid((64, 64, 64), FINE), Grid((64, 64, 11), THICK)
    labels = (ball(fine) > 0).astype(np.uint8) * 4
    moved, _ = resampled(labels, fine, thick, order=0)
    assert moved.dtype == np.uint8
    assert set(np.unique(moved)) == {0, 4}
    assert abs(moved.astype(bool).sum() * 6 / labels.astype(bool).sum() - 1) < 0.05


def test_a_volume_reads_the_same_whatever_was_prepared(patient):
    np.testing.assert_array_equal(
        read_case(patient, ("t1",)).data[0], read_volume(patient / "t1.nii.gz").data
    )
