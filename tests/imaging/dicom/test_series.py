from __future__ import annotations

import sys

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_parts import write_enhanced, write_series

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.imaging import digest_of, read_case, read_volume
from napari_osuda.imaging.dicom import find_series, has_dicom, is_dicom, series_of
from napari_osuda.imaging.dicom.segmentation import write_dicom_seg

SHAPE = (7, 5, 4)


def rotated(degrees: float = 12.0) -> np.ndarray:
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-0.9, -1.1, 3.0])
    affine[:3, 3] = 30, -20, 10
    return affine


AFFINES = {
    "axial": np.array([[-0.9, 0, 0, 30], [0, -1.1, 0, 20], [0, 0, 3.0, -10], [0, 0, 0, 1]]),
    "sagittal": np.array([[0, 0, 3.0, -10], [-0.9, 0, 0, 30], [0, -1.1, 0, 20], [0, 0, 0, 1]]),
    "oblique": rotated(),
}


@pytest.fixture
def numbers():
    return np.random.default_rng(0).integers(-50, 900, SHAPE).astype(np.int16)


def placed(data: np.ndarray, affine: np.ndarray) -> dict[tuple, float]:
    """Each voxel's value by its place in the scanner: what must not change, whatever the array order."""
    index = np.stack(np.meshgrid(*map(np.arange, data.shape), indexing="ij"), -1).reshape(-1, 3)
    world = nib.affines.apply_affine(affine, index).round(3) + 0.0
    return {tuple(place): float(value) for place, value in zip(world.tolist(), data.ravel(), strict=True)}


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_every_voxel_lies_where_the_scanner_put_it(tmp_path, numbers, affine):
    write_series(tmp_path / "t2", numbers, affine, slope=2.0, intercept=-5.0)
    volume = read_volume(tmp_path / "t2")
    assert volume.data.dtype == np.float32
    assert placed(volume.data, volume.grid.affine) == placed(numbers * 2.0 - 5.0, affine)


def test_a_file_stands_for_its_series_among_others(tmp_path, numbers):
    files = write_series(tmp_path, numbers, AFFINES["axial"], description="T1", number=1)
    other = write_series(tmp_path, numbers + 7, AFFINES["axial"], description="T2", number=2)
    np.testing.assert_array_equal(read_volume(files[2]).data, read_volume(files[0]).data)
    assert read_volume(other[0]).data.mean() == pytest.approx(read_volume(files[0]).data.mean() + 7, abs=1e-3)
    assert [series.description for series in find_series(tmp_path)] == ["T1", "T2"]
    assert digest_of(files[0]) == digest_of(files[1]) != digest_of(other[0])
    with pytest.raises(CaseError, match=r"holds 2 DICOM image series \(T1 \(series 1\), T2 \(series 2\)\)"):
        read_volume(tmp_path)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_enhanced_multi_frame_images_are_one_file(tmp_path, numbers, affine):
    write_enhanced(tmp_path / "x" / "IM1", numbers, affine, [2, 0, 3, 1])
    volume = read_volume(tmp_path / "x")
    expected = numbers * 2.0 + np.arange(SHAPE[2])
    assert placed(volume.data, volume.grid.affine) == placed(expected, affine)


def test_a_study_is_matched_to_the_channels_by_its_descriptions(tmp_path, numbers):
    study = tmp_path / "patient7"
    for number, (description, add) in enumerate(
        {"t2_tirm_tra_dark-fluid": 1, "t1_mprage KM": 2, "T2 TSE": 3, "localizer": 4}.items()
    ):
        write_series(study / f"S{number}", numbers + add, AFFINES["axial"], description=description,
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


def test_two_series_of_one_contrast_are_told_apart_by_number(tmp_path, numbers):
    for number in (4, 9):
        write_series(tmp_path / f"S{number}", numbers, AFFINES["axial"], description="T2", number=number)
    with pytest.raises(CaseError, match=r"T2 \(series 4\), T2 \(series 9\)"):
        read_case(tmp_path, ["t2"])


def test_one_series_for_one_channel_needs_no_name(tmp_path, numbers):
    write_series(tmp_path / "export", numbers, AFFINES["axial"], description="xyz")
    assert read_case(tmp_path / "export", ["t2"]).data.shape == (1, *SHAPE)


def test_a_series_of_another_contrast_keeps_its_name_as_folder_file_or_named_channel(tmp_path, numbers):
    files = write_series(tmp_path / "export", numbers, AFFINES["axial"], description="Ax FLAIR")
    for given in (tmp_path / "export", files[2], f"t2={tmp_path / 'export'}"):
        (source,) = read_case(given, ["t2"]).sources
        assert (source.title, source.name) == ("Ax FLAIR", "Ax FLAIR")


def test_a_series_without_a_description_is_called_by_its_protocol(tmp_path, numbers):
    for path in write_series(tmp_path / "export", numbers, AFFINES["axial"], description=""):
        dataset = pydicom.dcmread(path)
        dataset.ProtocolName = "FLAIR axial"
        dataset.save_as(path)
    assert read_case(tmp_path / "export", ["t2"]).sources[0].name == "FLAIR axial"


def test_a_missing_slice_is_refused(tmp_path, numbers):
    write_series(tmp_path, numbers, AFFINES["axial"], skip=(2,))
    with pytest.raises(CaseError, match=r"6 mm apart and the others 3 mm \(1 missing\)"):
        read_volume(tmp_path)


def test_two_images_at_one_place_are_refused(tmp_path, numbers):
    uid = pydicom.uid.generate_uid()
    write_series(tmp_path, numbers, AFFINES["axial"], number=1, uid=uid)
    write_series(tmp_path, numbers, AFFINES["axial"], number=2, uid=uid)
    with pytest.raises(CaseError, match="two images at one position"):
        read_volume(tmp_path)


def test_a_localizer_of_several_directions_is_refused(tmp_path, numbers):
    uid = pydicom.uid.generate_uid()
    write_series(tmp_path, numbers, AFFINES["axial"], number=1, uid=uid)
    write_series(tmp_path, numbers, AFFINES["sagittal"], number=2, uid=uid)
    with pytest.raises(CaseError, match="as in a localizer"):
        read_volume(tmp_path)


def test_what_is_damaged_or_no_dicom_gets_a_sentence(tmp_path, numbers):
    files = write_series(tmp_path / "t2", numbers, AFFINES["axial"])
    whole = files[1].read_bytes()
    files[1].write_bytes(whole[: len(whole) - 40])
    with pytest.raises(CaseError, match=r"The pixels of .*IM0030001\.dcm cannot be read"):
        read_volume(tmp_path / "t2")
    (tmp_path / "x.dcm").write_bytes(b"no DICOM at all, and much too short for it" * 9)
    with pytest.raises(CaseError, match=r"x\.dcm"):
        read_volume(tmp_path / "x.dcm")
    assert not has_dicom(tmp_path / "nothing")


def test_without_pydicom_the_sentence_says_what_to_install(tmp_path, numbers, monkeypatch):
    write_series(tmp_path, numbers, AFFINES["axial"])
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(CaseError, match=r"pip install 'napari-osuda\[dicom\]'"):
        read_volume(tmp_path)


# highdicom's own use of pydicom.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_a_mask_goes_back_as_a_segmentation_of_its_slices(tmp_path, numbers, affine, enhanced):
    if enhanced:
        write_enhanced(tmp_path / "t2" / "IM1", numbers, affine, [2, 0, 3, 1])
    else:
        write_series(tmp_path / "t2", numbers, affine)
    volume = read_volume(tmp_path / "t2")
    labels = np.where(volume.data > np.median(volume.data), 4, 0).astype(np.uint8)
    labels[volume.data < np.quantile(volume.data, 0.2)] = 1
    labels[:, :, 1] = 0
    names = {0: "background", 1: "core", 2: "edema", 4: "enhancing tumor"}
    path = tmp_path / "final.dcm"
    known = {"colors": {4: "#d55e00"}, "creator": "A. Reader", "model": "Glioma", "version": "0.1.0"}
    write_dicom_seg(path, labels, volume.grid, volume.path, names, **known)

    segmentation = highdicom.seg.segread(path)
    described = [segmentation.get_segment_description(n) for n in segmentation.segment_numbers]
    assert [d.segment_label for d in described] == ["core", "edema", "enhancing tumor"]
    assert str(segmentation.ContentCreatorName) == "A. Reader^"
    source = pydicom.dcmread(volume.path)
    assert segmentation.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert segmentation.StudyInstanceUID == source.StudyInstanceUID
    back = segmentation.get_volume(combine_segments=True)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0])
    values = np.array([0, 1, 2, 4])[back.array]
    found = {p: v for p, v in placed(values, lps @ back.affine).items() if v}
    wanted = {p: v for p, v in placed(labels, volume.grid.affine).items() if v}
    assert found == wanted
    referenced = {uid for _, _, uid in segmentation.get_source_image_uids()}
    assert source.SOPInstanceUID in referenced


def test_a_segmentation_of_other_slices_or_of_nothing_is_refused(tmp_path, numbers):
    write_series(tmp_path / "t2", numbers, AFFINES["axial"])
    write_series(tmp_path / "other", numbers[:, :, :3], AFFINES["axial"])
    volume = read_volume(tmp_path / "t2")
    labels = np.ones(SHAPE, np.uint8)
    with pytest.raises(CaseError, match="does not lie on the grid"):
        write_dicom_seg(tmp_path / "x.dcm", labels, volume.grid, tmp_path / "other", {1: "core"})
    with pytest.raises(OutputError, match="mask is empty"):
        write_dicom_seg(tmp_path / "x.dcm", labels * 0, volume.grid, volume.path, {1: "core"})
    assert series_of(volume.path).description == "t2_tse_tra"
