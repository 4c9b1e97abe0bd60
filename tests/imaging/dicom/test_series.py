from __future__ import annotations

import sys

import numpy as np
import pydicom
import pytest
from dicom_parts import write_enhanced, write_series
from dicom_series import AFFINES, SHAPE, placed

from napari_osuda.errors import CaseError
from napari_osuda.imaging import digest_of, read_case, read_volume
from napari_osuda.imaging.dicom import find_series, has_dicom, is_dicom


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_every_voxel_lies_where_the_scanner_put_it(tmp_path, scanned, affine):
    write_series(tmp_path / "t2", scanned, affine, slope=2.0, intercept=-5.0)
    volume = read_volume(tmp_path / "t2")
    assert volume.data.dtype == np.float32
    assert placed(volume.data, volume.grid.affine) == placed(scanned * 2.0 - 5.0, affine)


def test_a_file_stands_for_its_series_among_others(tmp_path, scanned):
    files = write_series(tmp_path, scanned, AFFINES["axial"], description="T1", number=1)
    other = write_series(tmp_path, scanned + 7, AFFINES["axial"], description="T2", number=2)
    np.testing.assert_array_equal(read_volume(files[2]).data, read_volume(files[0]).data)
    assert read_volume(other[0]).data.mean() == pytest.approx(read_volume(files[0]).data.mean() + 7, abs=1e-3)
    assert [series.description for series in find_series(tmp_path)] == ["T1", "T2"]
    assert digest_of(files[0]) == digest_of(files[1]) != digest_of(other[0])
    with pytest.raises(CaseError, match=r"holds 2 DICOM image series \(T1 \(series 1\), T2 \(series 2\)\)"):
        read_volume(tmp_path)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_enhanced_multi_frame_images_are_one_file(tmp_path, scanned, affine):
    write_enhanced(tmp_path / "x" / "IM1", scanned, affine, [2, 0, 3, 1])
    volume = read_volume(tmp_path / "x")
    expected = scanned * 2.0 + np.arange(SHAPE[2])
    assert placed(volume.data, volume.grid.affine) == placed(expected, affine)


def test_a_study_is_matched_to_the_channels_by_its_descriptions(tmp_path, scanned):
    study = tmp_path / "patient7"
    for number, (description, add) in enumerate(
        {"t2_tirm_tra_dark-fluid": 1, "t1_mprage KM": 2, "T2 TSE": 3, "localizer": 4}.items()
    ):
        write_series(study / f"S{number}", scanned + add, AFFINES["axial"], description=description,
                     number=number)  # fmt: skip
    case = read_case(study, ["t1ce", "flair"])
    assert case.name == "patient7"
    np.testing.assert_array_equal(case.data[1] - case.data[0], -1)
    assert all(is_dicom(source.path) and len(source.sha256) == 64 for source in case.sources)
    again = read_volume(case.sources[1].path)
    np.testing.assert_array_equal(again.data, case.data[1])
    with pytest.raises(CaseError, match=r"No image for channel pd: seen were .*T2 TSE"):
        read_case(study, ["pd"])
    named = read_case(f"t2={study / 'S2'}", ["t2"])
    np.testing.assert_array_equal(named.data[0], case.data[0] + 1)
    assert named.name == "S2"
    assert [source.title for source in (*case.sources, *named.sources)] == [
        "t1_mprage KM", "t2_tirm_tra_dark-fluid", "T2 TSE",
    ]  # fmt: skip


def test_two_series_of_one_contrast_are_told_apart_by_number(tmp_path, scanned):
    for number in (4, 9):
        write_series(tmp_path / f"S{number}", scanned, AFFINES["axial"], description="T2", number=number)
    with pytest.raises(CaseError, match=r"T2 \(series 4\), T2 \(series 9\)"):
        read_case(tmp_path, ["t2"])


def test_one_series_for_one_channel_needs_no_name(tmp_path, scanned):
    write_series(tmp_path / "export", scanned, AFFINES["axial"], description="xyz")
    assert read_case(tmp_path / "export", ["t2"]).data.shape == (1, *SHAPE)


def test_a_series_of_another_contrast_keeps_its_name_as_folder_file_or_named_channel(tmp_path, scanned):
    files = write_series(tmp_path / "export", scanned, AFFINES["axial"], description="Ax FLAIR")
    for given in (tmp_path / "export", files[2], f"t2={tmp_path / 'export'}"):
        (source,) = read_case(given, ["t2"]).sources
        assert (source.title, source.name) == ("Ax FLAIR", "Ax FLAIR")


def test_a_series_without_a_description_is_called_by_its_protocol(tmp_path, scanned):
    for path in write_series(tmp_path / "export", scanned, AFFINES["axial"], description=""):
        dataset = pydicom.dcmread(path)
        dataset.ProtocolName = "FLAIR axial"
        dataset.save_as(path)
    assert read_case(tmp_path / "export", ["t2"]).sources[0].name == "FLAIR axial"


def test_a_missing_slice_is_refused(tmp_path, scanned):
    write_series(tmp_path, scanned, AFFINES["axial"], skip=(2,))
    with pytest.raises(CaseError, match=r"6 mm apart and the others 3 mm \(1 missing\)"):
        read_volume(tmp_path)


def test_two_images_at_one_place_are_refused(tmp_path, scanned):
    uid = pydicom.uid.generate_uid()
    write_series(tmp_path, scanned, AFFINES["axial"], number=1, uid=uid)
    write_series(tmp_path, scanned, AFFINES["axial"], number=2, uid=uid)
    with pytest.raises(CaseError, match="two images at one position"):
        read_volume(tmp_path)


def test_a_localizer_of_several_directions_is_refused(tmp_path, scanned):
    uid = pydicom.uid.generate_uid()
    write_series(tmp_path, scanned, AFFINES["axial"], number=1, uid=uid)
    write_series(tmp_path, scanned, AFFINES["sagittal"], number=2, uid=uid)
    with pytest.raises(CaseError, match="as in a localizer"):
        read_volume(tmp_path)


def test_what_is_damaged_or_no_dicom_gets_a_sentence(tmp_path, scanned):
    files = write_series(tmp_path / "t2", scanned, AFFINES["axial"])
    whole = files[1].read_bytes()
    files[1].write_bytes(whole[: len(whole) - 40])
    with pytest.raises(CaseError, match=r"The pixels of .*IM0030001\.dcm cannot be read"):
        read_volume(tmp_path / "t2")
    (tmp_path / "x.dcm").write_bytes(b"no DICOM at all, and much too short for it" * 9)
    with pytest.raises(CaseError, match=r"x\.dcm"):
        read_volume(tmp_path / "x.dcm")
    assert not has_dicom(tmp_path / "nothing")


def test_without_pydicom_the_sentence_says_what_to_install(tmp_path, scanned, monkeypatch):
    write_series(tmp_path, scanned, AFFINES["axial"])
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(CaseError, match=r"pip install 'napari-osuda\[dicom\]'"):
        read_volume(tmp_path)
