from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from napari_osuda.errors import CaseError, ConfigError, OutputError
from napari_osuda.files import PARTIAL
from napari_osuda.imaging import case_from_arrays
from napari_osuda.locks import LOCK_FILE
from napari_osuda.method import AdaptationConfig
from napari_osuda.session import preflight
from napari_osuda.session.api import make_job
from napari_osuda.session.preflight import check_input, check_job, check_out, free_memory


def test_a_case_of_other_channels_is_refused_with_both_lists(model, case):
    other = case_from_arrays("case", {"flair": np.ones(case.grid.shape, np.float32)}, case.grid)
    with pytest.raises(CaseError, match=r"needs the channels t2 .* has flair"):
        check_input(model, other)
    check_input(model, case)


def test_a_case_of_nothing_holds_no_brain(model, case):
    empty = case_from_arrays("case", {"t2": np.zeros(case.grid.shape, np.float32)}, case.grid)
    with pytest.raises(CaseError, match="no brain"):
        check_input(model, empty)


def test_a_job_needs_a_case_and_cases_need_names_of_their_own(model, case):
    with pytest.raises(CaseError, match="no case"):
        check_job(make_job(model, ()))
    with pytest.raises(CaseError, match="Two cases are called 'patient'"):
        check_job(make_job(model, (case, case)))
    with pytest.raises(CaseError, match="Two cases are called 'Patient'"):
        check_job(make_job(model, (case, dataclasses.replace(case, name="Patient"))))
    with pytest.raises(CaseError, match="cannot have this name"):
        check_job(make_job(model, dataclasses.replace(case, name="../out")))


def test_a_reference_of_another_shape_is_refused(model, case):
    with pytest.raises(CaseError, match="on the same grid"):
        check_job(make_job(model, case, references=[np.zeros((2, 2, 2), np.uint8)]))


@pytest.mark.parametrize(("ratio", "said"), [((0.5, 0.3, 0.2), "3 shares"), ((0.5, 0.1), "add up to 0.6")])
def test_a_class_ratio_has_a_share_for_each_channel_and_sums_to_1(model, case, ratio, said):
    with pytest.raises(ConfigError, match=said):
        check_job(make_job(model, case, AdaptationConfig(class_ratio=ratio)))


def test_a_run_that_does_not_fit_into_memory_is_refused_beforehand(model, case, monkeypatch):
    monkeypatch.setattr(preflight, "free_memory", lambda: 1000)
    with pytest.raises(ConfigError, match="GB of memory"):
        check_job(make_job(model, case))
    monkeypatch.setattr(preflight, "free_memory", lambda: None)
    check_job(make_job(model, case))


def test_the_system_tells_its_memory_or_nothing():
    free = free_memory()
    assert free is None or free > 2**20


def test_a_folder_is_new_or_empty_but_for_what_a_crash_leaves(tmp_path):
    check_out(tmp_path / "new" / "run")
    (tmp_path / LOCK_FILE).touch()
    (tmp_path / f"{PARTIAL}1").touch()
    check_out(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OutputError, match="is not empty"):
        check_out(tmp_path)
    with pytest.raises(OutputError, match=r"nothing to resume .* it holds no run"):
        check_out(tmp_path, resume=True)
    with pytest.raises(OutputError, match="is a file"):
        check_out(tmp_path / "notes.txt")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    folder = Path(tmp_path / "locked")
    folder.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Nothing can be written"):
        check_out(folder / "run")


@pytest.mark.parametrize("name", ["a" * 195, "nul", "x:y", "\uff0e\uff0e/b"])
def test_a_case_that_no_file_can_be_called_by_is_refused_at_once(model, case, tmp_path, name):
    job = make_job(model, dataclasses.replace(case, name=name), out=tmp_path / "run")
    with pytest.raises(CaseError, match="cannot have this name"):
        check_job(job)
    assert not (tmp_path / "run").exists()
