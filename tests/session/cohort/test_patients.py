from __future__ import annotations

import nibabel as nib
import numpy as np
import pydicom
import pytest
from bids_parts import write_bids
from dicom_parts import write_series

from napari_osuda.errors import CaseError
from napari_osuda.session.cohort.patients import DeeperPatientsError, patients_in


def test_each_folder_with_images_is_a_patient(tmp_path):
    for name in ("Berg", "Adam 2"):
        (tmp_path / name).mkdir()
        nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), tmp_path / name / "t2.nii.gz")
    write_series(tmp_path / "Cole" / "study" / "series", np.ones((4, 4, 2), np.int16), np.eye(4))
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "letter.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    assert [job.name for job in patients_in(tmp_path)] == ["Adam 2", "Berg", "Cole"]


def test_a_dataset_of_bids_is_taken_by_its_sessions(tmp_path):
    dataset = write_bids(tmp_path / "bids", ["01", "02"], ["a", "b"])
    assert [job.name for job in patients_in(dataset)] == [
        "sub-01_ses-a", "sub-01_ses-b", "sub-02_ses-a", "sub-02_ses-b",
    ]  # fmt: skip


def test_a_folder_without_patients_is_refused_with_what_it_holds(tmp_path):
    (tmp_path / "papers").mkdir()
    with pytest.raises(CaseError, match=r"holds no patients.*papers"):
        patients_in(tmp_path)
    with pytest.raises(CaseError, match="cannot be read"):
        patients_in(tmp_path / "nowhere")


def write_volume(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), path)


def test_a_folder_one_level_too_high_is_refused_and_says_which_to_choose(tmp_path):
    for hospital in ("north", "south"):
        for name in ("Adam", "Berg"):
            write_volume(tmp_path / hospital / name / "t2.nii.gz")
    with pytest.raises(DeeperPatientsError, match=r"not one patient each.*north, south") as caught:
        patients_in(tmp_path)
    assert [path.name for path in caught.value.inside] == ["north", "south"]
    assert [job.name for job in patients_in(caught.value.inside[0])] == ["Adam", "Berg"]


def test_dicom_of_several_patients_is_told_by_their_numbers(tmp_path):
    for name in ("Adam", "Berg"):
        for series in ("t2", "flair"):
            place = tmp_path / "north" / name / series
            for path in write_series(place, np.ones((4, 4, 2), np.int16), np.eye(4)):
                dataset = pydicom.dcmread(path)
                dataset.PatientID = name
                dataset.save_as(path)
    with pytest.raises(DeeperPatientsError):
        patients_in(tmp_path)
    assert [job.name for job in patients_in(tmp_path / "north")] == ["Adam", "Berg"]


@pytest.mark.parametrize("files", [("anat/t1.nii.gz", "anat/t2.nii.gz"), ("t1/im.nii.gz", "t2/im.nii.gz")])
def test_a_patient_with_a_folder_for_each_contrast_is_one_patient(tmp_path, files):
    for name in ("Adam", "Berg"):
        for file in files:
            write_volume(tmp_path / name / file)
    assert [job.name for job in patients_in(tmp_path)] == ["Adam", "Berg"]


def test_one_patient_with_two_visits_does_not_stop_the_others(tmp_path):
    for visit in ("first", "second"):
        write_volume(tmp_path / "Adam" / visit / "t2.nii.gz")
    write_volume(tmp_path / "Berg" / "t2.nii.gz")
    assert [job.name for job in patients_in(tmp_path)] == ["Adam", "Berg"]
