from __future__ import annotations

import pytest
from bids_parts import Stub, write_bids

from napari_osuda.errors import OutputError
from napari_osuda.files import sha256_of
from napari_osuda.session.cohort.plan import plan
from napari_osuda.session.cohort.record import InputFile, JobOutcome, Outcomes, read_cohort
from napari_osuda.session.run_folder.documents import now


def test_a_copy_of_the_same_image_changes_nothing(tmp_path):
    image = tmp_path / "image.nii.gz"
    image.write_bytes(b"content")
    known = InputFile.of(image, sha256_of(image))
    image.unlink()
    assert not known.unchanged
    image.write_bytes(b"content")
    assert known.unchanged
    image.write_bytes(b"CONTENT")
    assert not known.unchanged


def test_a_job_is_finished_when_all_of_it_is_there(tmp_path):
    (job,) = plan(write_bids(tmp_path / "bids", ["01"]))
    outcomes, work = Outcomes(tmp_path / "out"), Stub(tmp_path / "out")
    assert outcomes.of(job) is None
    failed = JobOutcome(name=job.name, state="failed", error="broken", ended=now())
    outcomes.write(job, failed)
    assert outcomes.of(job) == failed
    assert not outcomes.finished(job)
    outcomes.write(job, JobOutcome(name=job.name, state="done", ended=now()))
    assert not outcomes.finished(job), "it tells of no case"
    outcomes.write(job, JobOutcome(name=job.name, state="done", ended=now(), cases=work(job)))
    assert outcomes.finished(job)
    (tmp_path / "out" / "sub-01_before.nii.gz").unlink()
    assert not outcomes.finished(job)


def test_a_folder_without_a_cohort_is_told(tmp_path):
    with pytest.raises(OutputError, match="holds no cohort yet"):
        read_cohort(tmp_path)
    (tmp_path / "cohort.json").write_text("[]")
    with pytest.raises(OutputError, match="cannot be read"):
        read_cohort(tmp_path)
