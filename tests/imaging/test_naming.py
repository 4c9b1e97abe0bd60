from __future__ import annotations

import pytest

from napari_osuda.imaging import case_name


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Patient 7", "Patient 7"),
        ("sub-01", "sub-01"),
        ("sub-01/ses-1", "sub-01_ses-1"),
        ("sub-01/ses-1/anat", "sub-01_ses-1"),
        ("sub-01/anat", "sub-01"),
        ("study/ses-1", "ses-1"),
        ("study/anat", "anat"),
    ],
)
def test_a_folder_names_its_case_with_the_patient_in_bids(tmp_path, folder, name):
    path = tmp_path / folder
    path.mkdir(parents=True)
    assert case_name(path) == name
    assert case_name(f"{path}/") == name


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("a/b_t1.nii.gz", "b_t1"),
        ("t1=a/b_t1.nii.gz,t2=a/b_t2.nii.gz", "b_t1"),
        ("a/b_t1.nii.gz,a/b_t2.nii.gz", "b_t1"),
        ({"t1": "a/b_t1.nii.gz"}, "b_t1"),
    ],
)
def test_files_name_their_case_by_the_first(spec, name):
    assert case_name(spec) == name
