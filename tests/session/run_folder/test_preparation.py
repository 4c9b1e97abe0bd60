"""What was done to the images stands in the record of a run, and is done again when it is resumed."""

import json

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.imaging import Preparation, read_case
from napari_osuda.session.job import Job
from napari_osuda.session.run_folder.job_record import JobRecord, first_difference, job_identity, job_record


@pytest.fixture
def images(tmp_path):
    """A fine and a thick image of one ball, and a mask of half of it."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, 24) for _ in range(3)), indexing="ij")
    ball = np.where(x**2 + y**2 + z**2 < 0.7, 400 + 50 * x, 0).astype(np.float32)
    thick = np.diag([1.0, 1, 4, 1])
    thick[2, 3] = 1.5
    nib.save(nib.Nifti1Image(ball, np.eye(4)), tmp_path / "t1.nii.gz")
    nib.save(nib.Nifti1Image(ball[:, :, 1::4], thick), tmp_path / "flair.nii.gz")
    nib.save(nib.Nifti1Image((x < 0).astype(np.uint8), np.eye(4)), tmp_path / "brain.nii.gz")
    return tmp_path


@pytest.fixture
def job(images, model):
    chosen = Preparation("flair", brain_mask=images / "brain.nii.gz")
    return Job(model, (read_case(images, ("t1", "flair"), preparation=chosen),))


def test_a_resumption_prepares_the_images_in_the_same_way(job):
    record = JobRecord.model_validate(json.loads(job_record(job, 3).model_dump_json()))
    (case,) = job.cases
    entry = record.files[0]
    again = read_case(entry.channels, case.channels, name=entry.case, preparation=entry.preparation.chosen)
    np.testing.assert_array_equal(again.data, case.data)
    np.testing.assert_array_equal(again.grid.affine, case.grid.affine)
    assert again.preparation == case.preparation
    assert first_difference(record.identity, job_identity(job)) is None


@pytest.mark.parametrize("chosen", [Preparation("t1"), Preparation("flair")])
def test_images_that_are_prepared_otherwise_are_others(images, model, job, chosen):
    other = Job(model, (read_case(images, ("t1", "flair"), preparation=chosen),))
    told = first_difference(job_record(job, 3).identity, job_identity(other))
    assert told is not None
    assert "what is done to the images was" in told


def test_a_record_of_before_tells_nothing_of_it(job):
    document = json.loads(job_record(job, 3).model_dump_json())
    del document["preparations"]
    for file in document["files"]:
        del file["preparation"]
    assert first_difference(JobRecord.model_validate(document).identity, job_identity(job)) is None
