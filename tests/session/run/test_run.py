from __future__ import annotations

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from run_parts import SHORT, files

from napari_osuda.errors import CaseError, ConfigError, NotAdaptableError, OutputError
from napari_osuda.imaging import read_case
from napari_osuda.method import preset
from napari_osuda.session import (
    After,
    Before,
    Finished,
    Progress,
    Started,
    Step,
    adapt_case,
    find_unfinished,
    predict_case,
)
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run


def test_a_run_tells_its_story_in_order(model, case):
    events = list(Run(make_job(model, case, SHORT)))
    kinds = [type(e) for e in events if not isinstance(e, Progress)]
    assert kinds == [Started, Before, *[Step] * 4, After, Finished]
    assert events[0].classes == ((0, "background", "#000000"), (3, "lesion", model.card.colours[3]))
    assert [e.report.t for e in events if isinstance(e, Step)] == [0, 1, 2, 3]
    left = [e.seconds_left for e in events if isinstance(e, Progress) and e.seconds_left is not None]
    assert left
    assert min(left) >= 0


def test_before_is_the_source_models_mask_and_finds_the_lesion(model, case, reference):
    result = adapt_case(model, case, SHORT, references=[reference])
    np.testing.assert_array_equal(result.cases[0].before, predict_case(model, case))
    assert result.cases[0].scores_before[0].dice > 0.5


def test_the_users_model_is_left_alone(model, case):
    before = {k: v.clone() for k, v in model.network.state_dict().items()}
    adapt_case(model, case, preset("osuda", iterations=3, learning_rate=0.01))
    for key, value in model.network.state_dict().items():
        assert torch.equal(value, before[key])


def test_source_only_leaves_the_mask_as_it_is(model, case, tmp_path):
    result = adapt_case(model, case, method="source-only", out=tmp_path / "run")
    np.testing.assert_array_equal(result.cases[0].before, result.cases[0].after)
    assert (tmp_path / "run" / "model" / "bioimageio.yaml").is_file()
    assert not (tmp_path / "run" / "steps.csv").exists()


def test_several_cases_are_one_domain(model, patient, tmp_path):
    other = tmp_path / "other_t2.nii.gz"
    other.write_bytes((patient / "patient_t2.nii.gz").read_bytes())
    cases = [read_case(patient, ["t2"]), read_case(other, ["t2"])]
    result = adapt_case(model, cases, SHORT, out=tmp_path / "run")
    assert {"after/patient.nii.gz", "after/other_t2.nii.gz"} <= files(tmp_path / "run")
    np.testing.assert_array_equal(result.cases[0].after, result.cases[1].after)


def test_a_stop_before_the_first_step_keeps_the_source_mask(model, case, tmp_path):
    run = Run(make_job(model, case, SHORT, out=tmp_path / "run"))
    for event in run:
        if isinstance(event, Before):
            run.stop()
    assert event.result.outcome == "stopped"
    assert event.result.cases[0].after is None
    assert "before/patient.nii.gz" in files(tmp_path / "run")
    assert "after/patient.nii.gz" not in files(tmp_path / "run")


def test_a_window_closed_on_a_run_leaves_it_resumable(model, case, tmp_path):
    config = preset("osuda", iterations=6, batch_size=4)
    events = iter(Run(make_job(model, case, config, out=tmp_path / "run")))
    for event in events:
        if isinstance(event, Step) and event.report.t == 1:
            break
    events.close()
    resumed = adapt_case(model, case, config, out=tmp_path / "run", resume=True)
    assert len(resumed.reports) == 6


@pytest.mark.posix
def test_a_killed_run_is_found_and_resumes(model, case, patient, model_folder, tmp_path):
    out = tmp_path / "runs" / "killed"
    code = (
        "import sys, os, signal\n"
        "from napari_osuda import load_model, read_case, adapt_case\n"
        "from napari_osuda.method import preset\n"
        "def die(event):\n"
        "    if type(event).__name__ == 'Step' and event.report.t == 5:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "model, folder, out = sys.argv[1:]\n"
        "model = load_model(model)\n"
        "case = read_case(folder, model.card.channels)\n"
        "adapt_case(model, case, preset('osuda', iterations=8, batch_size=4), out=out, on_event=die)\n"
    )
    arguments = [str(model_folder), str(patient), str(out)]
    dead = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert dead.returncode == -signal.SIGKILL
    assert "before/patient.nii.gz" in files(out)
    (left,) = find_unfinished(tmp_path / "runs")
    assert (left.folder, left.cases, left.resumable) == (out, ("patient",), True)
    events = list(Run(left.job()))
    whole = adapt_case(model, case, preset("osuda", iterations=8, batch_size=4))
    assert [r.l_se for r in events[-1].result.reports] == [r.l_se for r in whole.reports]
    np.testing.assert_array_equal(events[-1].result.cases[0].after, whole.cases[0].after)
    assert find_unfinished(tmp_path / "runs") == []


def test_self_training_that_no_batch_comes_round_for_is_told(model, case):
    few = preset("osuda-mc", iterations=2, batch_size=1)
    assert any("has no effect" in note.text for note in adapt_case(model, case, few).notes)
    enough = few.replace(iterations=3, batch_size=8)
    assert not any("has no effect" in note.text for note in adapt_case(model, case, enough).notes)


@pytest.mark.parametrize(
    ("method", "ratio", "says"),
    [
        ("cruda", None, "assumes that you know which share"),
        ("cruda", (0.9, 0.05, 0.05), "3 shares; the model .* has 2 output channels"),
        ("osuda", (0.97, 0.3), "add up to 1.27"),
    ],
)
def test_a_class_ratio_that_cannot_be_is_refused_before_anything(model, case, tmp_path, method, ratio, says):
    config = SHORT.replace(class_ratio=ratio)
    with pytest.raises(ConfigError, match=says):
        adapt_case(model, case, config, method=method, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(model, case, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    for resume, says in ((False, "not empty"), (True, "nothing to resume")):
        with pytest.raises(OutputError, match=says):
            adapt_case(model, case, SHORT, out=tmp_path / "run", resume=resume)
    assert files(tmp_path / "run") == {"thesis.txt"}


def test_a_failure_midway_keeps_the_partial_run_and_says_so(model, case, tmp_path):
    config = preset("osuda", iterations=30, learning_rate=1e30, batch_size=4)
    events = list(Run(make_job(model, case, config, out=tmp_path / "run")))
    result = events[-1].result
    assert result.outcome == "failed"
    assert "not finite" in result.error
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["outcome"] == "failed"
    assert "not finite" in record["error"]
    assert "before/patient.nii.gz" in files(tmp_path / "run")


def test_bad_input_is_refused_before_anything_is_written(model, case, reference, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match=r"no device|must be one of"):
        adapt_case(model, case, SHORT, device="tpu", out=out)
    with pytest.raises(CaseError, match="same grid"):
        adapt_case(model, case, SHORT, references=[reference[:-1]], out=out)
    with pytest.raises(CaseError, match="called 'patient'"):
        adapt_case(model, [case, case], SHORT, out=out)
    model.network.encoders[0][1] = torch.nn.InstanceNorm2d(4)
    for block in (*model.network.encoders, *model.network.decoders):
        block[1], block[4] = (torch.nn.InstanceNorm2d(block[0].out_channels) for _ in range(2))
    with pytest.raises(NotAdaptableError, match="InstanceNorm"):
        adapt_case(model, case, SHORT, out=out)
    assert not out.exists()
