"""DICOM as it is found: copies, parts in several folders, files without preamble, mosaics, links, damage."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
from dicom_parts import rewrite
from dicom_volume import SHAPE

from napari_osuda.errors import CaseError
from napari_osuda.imaging import digest_of, read_case, read_volume
from napari_osuda.imaging.dicom import find_series


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
