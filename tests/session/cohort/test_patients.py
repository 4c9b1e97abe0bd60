from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from bids_parts import write_bids
from dicom_parts import write_series

from napari_osuda.errors import CaseError
from napari_osuda.session.cohort.patients import patients_in


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
