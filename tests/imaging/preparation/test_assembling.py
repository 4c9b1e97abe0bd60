"""Images on different grids are brought to one, or refused."""

import nibabel as nib
import numpy as np
import pytest
from dicom_parts import rewrite, write_series
from grid_parts import FINE, THICK, ball, itk_image, save, shifted

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid, read_case, read_volume, write_labels
from napari_osuda.imaging.choices import FINEST, Preparation

pytest.importorskip("SimpleITK")


@pytest.fixture
def patient(tmp_path):
    folder = tmp_path / "patient7"
    folder.mkdir()
    for name, grid in (("t1", Grid((64, 64, 64), FINE)), ("flair", Grid((64, 64, 11), THICK))):
        save(folder / f"{name}.nii.gz", grid, ball(grid))
    return folder


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
    with pytest.raises(
        CaseError, match="'t2' is not a channel of the case: give one of t1, flair, or finest"
    ):
        read_case(patient, ("t1", "flair"), preparation=Preparation("t2"))


def test_the_same_voxels_in_another_order_are_not_interpolated(patient):
    turned = nib.load(patient / "t1.nii.gz").as_reoriented([[1, -1], [2, 1], [0, -1]])
    nib.save(turned, patient / "t2.nii.gz")
    case = read_case(patient, ("t1", "t2"))
    np.testing.assert_array_equal(case.data[0], case.data[1])
    assert not any(source.resampled for source in case.sources)


def test_as_many_voxels_elsewhere_are_resampled_only_if_that_is_chosen(patient):
    grid = Grid((64, 64, 64), shifted(FINE, 5.5))
    save(patient / "t2.nii.gz", grid, ball(grid))
    with pytest.raises(CaseError, match=r"lies elsewhere than .*choose a reference grid"):
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


def test_a_volume_reads_the_same_whatever_was_prepared(patient):
    np.testing.assert_array_equal(
        read_case(patient, ("t1",)).data[0], read_volume(patient / "t1.nii.gz").data
    )
