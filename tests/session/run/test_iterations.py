from __future__ import annotations

import json

import pytest
import torch
from run_parts import SHORT, files

from napari_osuda.errors import OutputError
from napari_osuda.method import Adaptation, preset
from napari_osuda.method.computing.distributed import Processes
from napari_osuda.session import (
    Step,
    adapt_case,
)
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run


def test_a_stop_is_honored_within_a_step_and_keeps_what_there_is(model, case, tmp_path):
    run = Run(make_job(model, case, preset("osuda", iterations=50, batch_size=4), out=tmp_path / "run"))
    for event in run:
        if isinstance(event, Step) and event.report.t == 2:
            run.stop()
    result = event.result
    assert (result.outcome, len(result.reports)) == ("stopped", 3)
    assert result.cases[0].after is not None
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["outcome"] == "stopped"
    assert record["iterations_done"] == 3


def test_a_stopped_run_resumes_to_the_bits_of_an_uninterrupted_one(model, case, tmp_path):
    config = preset("osuda", iterations=6, batch_size=3, learning_rate=1e-3)
    whole = adapt_case(model, case, config, out=tmp_path / "whole")
    run = Run(make_job(model, case, config, out=tmp_path / "run"))
    for event in run:
        if isinstance(event, Step) and event.report.t == 3:
            run.stop()
    resumed = adapt_case(model, case, config, out=tmp_path / "run", resume=True)
    assert resumed.outcome == "done"
    assert [r.t for r in resumed.reports] == [0, 1, 2, 3, 4, 5]
    assert [r.l_se for r in resumed.reports] == [r.l_se for r in whole.reports]
    for a, b in zip(whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_processes_that_find_different_states_do_not_go_on(model, case, tmp_path, monkeypatch):
    """As where each computer has a run folder of its own."""
    monkeypatch.setattr(Processes, "agree", lambda self, number: False)
    with pytest.raises(OutputError, match="do not all find the same saved state"):
        adapt_case(model, case, preset("osuda", iterations=1, batch_size=4), out=tmp_path / "run")


def test_out_of_memory_halves_the_batch_once_and_says_so(model, case, monkeypatch):
    step, sizes = Adaptation._step, []

    def starved(self):
        sizes.append(self.config.batch_size)
        if self.config.batch_size > 2:
            raise MemoryError
        return step(self)

    monkeypatch.setattr(Adaptation, "_step", starved)
    result = adapt_case(model, case, preset("osuda", iterations=3, batch_size=4))
    assert sizes == [4, 2, 2, 2]
    assert "batches of 2 slices" in result.notes[0].text
    assert [r.t for r in result.reports] == [0, 1, 2]


def test_out_of_memory_twice_fails_with_the_partial_run_saved(model, case, monkeypatch, tmp_path):
    def starved(self):
        raise MemoryError

    monkeypatch.setattr(Adaptation, "_step", starved)
    events = list(Run(make_job(model, case, SHORT, out=tmp_path / "run")))
    assert events[-1].result.outcome == "failed"
    assert "ran out of memory" in events[-1].result.error
    assert {"run.json", "before/patient.nii.gz", "checkpoint/state.pt"} <= files(tmp_path / "run")
