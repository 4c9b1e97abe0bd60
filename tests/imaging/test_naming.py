from __future__ import annotations

from pathlib import Path

import pytest

from napari_osuda.imaging import case_name
from napari_osuda.imaging.naming import patient_of_image


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


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("study/sub-01_FLAIR.nii.gz", "sub-01"),
        ("study/sub-01/ses-2/anat/sub-01_ses-2_acq-3d_run-1_T2w.nii.gz", "sub-01_ses-2"),
        ("study/patient7_t1ce.nii.gz", "patient7"),
        ("study/TCGA_CS_4941_flair_reg.nii.gz", "TCGA_CS_4941"),
        ("study/patient19/FLAIR.nii.gz", "patient19"),
        ("study/patient19/Ax T1 POST.nii.gz", "patient19"),
        ("study/sub-01/anat/T1w.nii.gz", "sub-01"),
        ("study/t2_patient7.nii.gz", "t2_patient7"),
        ("study/scan7.nii.gz", "scan7"),
    ],
)
def test_a_single_image_names_its_patient(path, name):
    assert patient_of_image(Path(path)) == name
