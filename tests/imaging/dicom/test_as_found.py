"""DICOM as it is found: copies, parts in several folders, files without preamble, mosaics, links, damage."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_parts import rewrite, write_enhanced, write_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import digest_of, read_case, read_volume
from napari_osuda.imaging.dicom import find_series, is_dicom, series_of
from napari_osuda.imaging.dicom.files import header_of

SHAPE = (7, 5, 6)
AFFINE = np.array([[-0.9, 0, 0, 30], [0, -1.1, 0, 20], [0, 0, 3.0, -10], [0, 0, 0, 1]])


@pytest.fixture
def numbers():
    return np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)


@pytest.fixture
def series(tmp_path, numbers):
    """The files of a series, those of the lowest slice first."""
    return write_series(tmp_path / "patient" / "t2", numbers, AFFINE, shuffle=False)


def test_a_slice_beside_the_line_of_the_others_is_refused(series):
    for path in series[3:]:
        position = [float(v) for v in pydicom.dcmread(path).ImagePositionPatient]
        rewrite(path, ImagePositionPatient=[position[0] + 4, *position[1:]])
    with pytest.raises(CaseError, match="do not lie in one line"):
        read_volume(series[0])


@given(st.floats(0, 3), st.integers(1, 4), st.sampled_from([0, 1]))
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_slice_lies_where_the_affine_puts_it_or_the_series_is_refused(tmp_path, shift, moved, axis):
    shutil.rmtree(tmp_path / "s", ignore_errors=True)
    files = write_series(tmp_path / "s", np.ones(SHAPE, np.int16), AFFINE, shuffle=False)
    position = [float(v) for v in pydicom.dcmread(files[moved]).ImagePositionPatient]
    position[axis] += shift
    rewrite(files[moved], ImagePositionPatient=position)
    try:
        grid = read_volume(files[0]).grid
    except CaseError:
        return
    lps = np.diag([-1, -1, 1, 1]) @ grid.affine
    for k, path in enumerate(files):
        told = np.array([float(v) for v in pydicom.dcmread(path).ImagePositionPatient])
        assert np.linalg.norm((lps @ [0, 0, k, 1])[:3] - told) < 0.25


@pytest.mark.parametrize(
    "mosaic",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]},
        {"AcquisitionMatrix": [0, 64, 64, 0], "Rows": 384, "Columns": 384, "PixelSpacing": [3.0, 3.0]},
    ],
    ids=["by name", "by size"],
)
def test_a_sheet_of_slices_is_no_slice(tmp_path, numbers, mosaic):
    write_series(tmp_path, numbers[:, :, :1], AFFINE)
    rewrite(next(tmp_path.iterdir()), **mosaic)
    with pytest.raises(CaseError, match="mosaic, a sheet of many slices"):
        read_volume(tmp_path)


def test_a_manufacturers_count_of_slices_in_a_sheet_is_seen(tmp_path, numbers):
    (path,) = write_series(tmp_path, numbers[:, :, :1], AFFINE)
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 36)
    dataset.save_as(path)
    with pytest.raises(CaseError, match="mosaic"):
        read_volume(path)


def test_a_series_in_several_folders_is_one_from_any_of_its_files(series, numbers):
    parts = [series[0].parent.with_name(f"DIR{n}") for n in range(3)]
    for number, path in enumerate(series):
        parts[number % 3].mkdir(exist_ok=True)
        path.rename(parts[number % 3] / path.name)
    for given_path in (parts[0].parent, next(parts[2].iterdir())):
        np.testing.assert_array_equal(read_volume(given_path).data, numbers)
    (found,) = find_series(parts[0].parent)
    assert found.folder == parts[0].parent
    assert len(found.files) == SHAPE[2]


def test_deeper_folders_are_looked_through_and_hidden_ones_are_not(tmp_path, series, numbers):
    deep = tmp_path / "disk" / "PAT001" / "ST000" / "SE000"
    deep.mkdir(parents=True)
    for path in series:
        shutil.move(path, deep / path.name)
    store = tmp_path / "disk" / ".git" / "annex"
    store.mkdir(parents=True)
    shutil.copy(deep / series[0].name, store / "copy.dcm")
    np.testing.assert_array_equal(read_volume(tmp_path / "disk").data, numbers)


def test_copies_are_left_out_and_what_only_shares_their_name_is_not(series, numbers):
    digest = digest_of(series[0])
    shutil.copy(series[2], series[2].with_name("IM (1).dcm"))
    # Sent twice by an archive that notes its own name.
    again = series[3].with_name("again.dcm")
    shutil.copy(series[3], again)
    rewrite(again, AccessionNumber="7")
    np.testing.assert_array_equal(read_volume(series[0].parent).data, numbers)
    assert digest_of(again) == digest
    changed = pydicom.dcmread(series[4])
    changed.PixelData = bytes(reversed(changed.PixelData))
    changed.save_as(series[4].with_name("other.dcm"))
    with pytest.raises(CaseError, match="two images at one position"):
        read_volume(series[0].parent)


def test_a_study_that_was_exported_twice_is_one(series, numbers):
    shutil.copytree(series[0].parent, series[0].parent.with_name("t2 again"))
    np.testing.assert_array_equal(read_volume(series[0].parent.parent).data, numbers)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("suffix", [".ima", ""])
def test_files_without_preamble_are_read_whatever_their_suffix(series, numbers, implicit, suffix):
    for path in series:
        dataset = pydicom.dcmread(path)
        dataset.decode()
        del dataset.file_meta
        dataset.preamble = None
        bare = path.with_suffix(suffix)
        path.unlink()
        dataset.save_as(bare, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    np.testing.assert_array_equal(read_volume(series[0].parent).data, numbers)


def test_other_files_are_not_taken_for_dicom_without_preamble(tmp_path):
    for name, content in {
        "notes": b"\x08\x00 are bytes that begin a text" * 9, "zeros": bytes(200), "short": b"\x08\x00",
        "t1.nii": b"\x08\x00\x05\x00CS" * 40, "model.pt": b"\x08\x00\x05\x00CS" * 40,
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert not is_dicom(tmp_path / name), name


def test_a_missing_decoder_is_named_with_what_to_install(series, monkeypatch):
    header = pydicom.dcmread(series[0])
    header.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLosslessSV1
    header.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
    header["PixelData"].is_undefined_length = True
    header.save_as(series[0])
    monkeypatch.setattr(type(pydicom.pixels.get_decoder(pydicom.uid.JPEGLosslessSV1)), "is_available", False)
    with pytest.raises(CaseError, match=r"JPEG Lossless.*pip install"):
        read_volume(series[0])


def test_a_case_of_links_is_called_by_the_links_folder(tmp_path, series):
    patient = tmp_path / "sub-07"
    patient.mkdir()
    for path in series:
        (patient / f"{path.stem}.dcm").symlink_to(path)
    first = patient / f"{series[0].stem}.dcm"
    for given_case in (str(patient), str(first), f"t2={first}", {"t2": first}):
        assert read_case(given_case, ["t2"]).name == "sub-07"
    linked = tmp_path / "sub-08"
    linked.symlink_to(patient)
    assert read_case(linked, ["t2"]).name == "sub-08"


def test_a_file_of_the_series_that_does_not_say_where_it_lies_is_not_left_out(series):
    rewrite(series[2], ImagePositionPatient=None)
    with pytest.raises(CaseError, match="does not say where its slices lie"):
        read_volume(series[0])


def test_frames_that_are_not_described_are_not_left_out(tmp_path, series, numbers):
    rewrite(series[0], NumberOfFrames=3)
    with pytest.raises(CaseError, match="3 frames and does not say"):
        read_volume(series[0])
    enhanced = tmp_path / "e" / "IM1"
    write_enhanced(enhanced, numbers, AFFINE, [0, 1, 2, 3, 4, 5])
    dataset = pydicom.dcmread(enhanced)
    del dataset.PerFrameFunctionalGroupsSequence[-1]
    dataset.save_as(enhanced)
    with pytest.raises(CaseError, match="counts 6 frames and describes 5"):
        read_volume(enhanced)


def test_a_patient_who_moved_between_parts_of_a_series_is_refused(series):
    rewrite(series[5], FrameOfReferenceUID=pydicom.uid.generate_uid())
    with pytest.raises(CaseError, match="different frames of reference"):
        read_volume(series[0])


def test_a_header_is_read_once(series, monkeypatch):
    series_of(series[0])
    read = []
    monkeypatch.setattr(pydicom, "dcmread", lambda path, **_: read.append(path))
    assert header_of(series[0]).number == 3
    assert len(series_of(series[0]).files) == SHAPE[2]
    assert not read


@given(st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_byte_is_damaged_there_is_a_sentence_or_a_volume(tmp_path, data):
    folder = Path(tmp_path) / "d"
    if not folder.exists():
        write_series(folder / "one", np.ones((3, 4, 2), np.int16), AFFINE, shuffle=False)
        write_enhanced(folder / "two" / "IM1", np.ones((3, 4, 2), np.int16), AFFINE, [1, 0])
    path = data.draw(st.sampled_from(sorted(p for p in folder.rglob("IM*") if p.is_file())))
    whole = path.read_bytes()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(132, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        path.write_bytes(bytes(damaged[: data.draw(st.integers(140, len(whole)))]))
        for where in (path, path.parent):
            # Nothing but a sentence comes out.
            with contextlib.suppress(CaseError):
                assert np.isfinite(read_volume(where).grid.affine).all()
    finally:
        path.write_bytes(whole)
