"""Series that cannot be read as they are, and one that is chosen of several."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_parts import rewrite, write_series
from pydicom.dataset import Dataset

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_case, read_volume

SHAPE = (7, 5, 6)
AFFINE = np.array([[-0.9, 0, 0, 30], [0, -1.1, 0, 20], [0, 0, 3.0, -10], [0, 0, 0, 1]])


@pytest.fixture
def numbers():
    return np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)


@pytest.fixture
def series(tmp_path, numbers):
    """The files of a series, those of the lowest slice first."""
    return write_series(tmp_path / "patient" / "t2", numbers, AFFINE, shuffle=False)


def test_a_picture_whose_bright_pixels_are_low_is_refused(series):
    for file in series:
        rewrite(file, PhotometricInterpretation="MONOCHROME1")
    with pytest.raises(CaseError, match="low values"):
        read_volume(series[0])


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "color picture"),
        ({"ModalityLUTSequence": [Dataset()]}, "values stand for others"),
        ({"BitsStored": 12, "HighBit": 15}, "unusual bits"),
    ],
)
def test_stored_values_that_are_no_brightness_are_refused(series, values, why):
    for file in series:
        rewrite(file, **values)
    with pytest.raises(CaseError, match=why):
        read_volume(series[0])


@pytest.mark.parametrize("part", ["P", "PHASE MAP", "I", "R"])
def test_phase_and_parts_of_complex_images_are_no_channel_unless_named(tmp_path, numbers, part):
    kind = ["ORIGINAL", "PRIMARY", part, "ND"]
    for file in write_series(tmp_path / "b", numbers + 1, AFFINE, description="t2_fl2d", number=4):
        rewrite(file, ImageType=kind)
    with pytest.raises(CaseError, match=r"phase images alone.*#4 't2_fl2d'"):
        read_case(tmp_path, ("t2",))
    np.testing.assert_array_equal(read_case(f"{tmp_path}#4", ("t2",)).data[0], numbers + 1)
    write_series(tmp_path / "a", numbers, AFFINE, description="t2_fl2d", number=3)
    np.testing.assert_array_equal(read_case(tmp_path, ("t2",)).data[0], numbers)


def test_an_image_type_of_one_word_is_no_part_of_a_complex_image(tmp_path, numbers):
    for file in write_series(tmp_path, numbers, AFFINE, description="t2"):
        rewrite(file, ImageType="ORIGINAL")
    np.testing.assert_array_equal(read_case(tmp_path, ("t2",)).data[0], numbers)


def test_one_slice_without_a_thickness_is_refused(tmp_path, numbers):
    (file,) = write_series(tmp_path / "one", numbers[:, :, :1], AFFINE)
    assert read_volume(file).data.shape[2] == 1
    rewrite(file, SliceThickness=None)
    with pytest.raises(CaseError, match="does not say how thick it is"):
        read_volume(file)


def test_one_of_several_series_is_chosen_by_number_or_description(tmp_path, numbers):
    for number, name in ((3, "t2_tse_tra"), (4, "t2_tse_cor"), (5, "t1")):
        write_series(tmp_path / f"s{number}", numbers + number, AFFINE, description=name, number=number)
    with pytest.raises(
        CaseError, match=r"could be any of .*#3 't2_tse_tra' \(\d+ files\); #4 (?s:.*)Choose as in"
    ):
        read_case(tmp_path, ("t2",))
    for spec in (f"t2={tmp_path}#4", f"{tmp_path}#4", f"{tmp_path}#t2_tse_cor", {"t2": f"{tmp_path}#4"}):
        np.testing.assert_array_equal(read_case(spec, ("t2",)).data[0], numbers + 4)
    with pytest.raises(CaseError, match="has no series called '9'"):
        read_case(f"t2={tmp_path}#9", ("t2",))
