from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import torch
from session_parts import AFFINE

from napari_osuda.errors import CaseError, ConfigError, NotAdaptableError, OutputError
from napari_osuda.imaging import read_case
from napari_osuda.method import Adaptation, preset
from napari_osuda.models import load_model
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
from napari_osuda.session.run_folder.record import read_record

SHORT = preset("osuda", iterations=4, batch_size=4)


def files(folder) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_a_run_tells_its_story_in_order(model, case):
    events = list(Run(make_job(model, case, SHORT)))
    kinds = [type(e) for e in events if not isinstance(e, Progress)]
    assert kinds == [Started, Before, *[Step] * 4, After, Finished]
    assert events[0].classes == ((0, "background", "#000000"), (3, "lesion", model.card.colours[3]))
    assert [e.report.t for e in events if isinstance(e, Step)] == [0, 1, 2, 3]
    left = [e.seconds_left for e in events if isinstance(e, Progress) and e.seconds_left is not None]
    assert left
    assert min(left) >= 0


def test_the_run_folder_is_as_the_contract_says(model, case, reference, tmp_path):
    out = tmp_path / "run"
    result = adapt_case(model, case, SHORT, references=[reference], out=out)
    assert files(out) >= {
        "run.json", "steps.csv", "channels.npz", "report.html", "before/patient.nii.gz",
        "after/patient.nii.gz", "model/bioimageio.yaml", "model/weights.pt",
    }  # fmt: skip
    assert not (out / "checkpoint").exists()

    record = json.loads((out / "run.json").read_text())
    assert record["outcome"] == "done"
    assert record["recommendation"]["decision"] in ("accept", "keep-source", "neither")
    signals = record["cases"][0]["recommendation"]["signals"]
    figures = signals["figures"]
    assert figures["source"].keys() == figures["adapted"].keys() >= {"all labels"}
    assert 0 <= figures["adapted"]["all labels"]["steady"] <= 1
    expected = record["recommendation"]["regions"]["all labels"]["expected_dice_before"]
    assert 0 <= expected["low"] <= expected["dice"] <= expected["high"] <= 1
    assert record["config"]["iterations"] == 4
    assert record["model"]["sha256"] == model.sha256
    assert len(record["cases"][0]["inputs"][0]["sha256"]) == 64
    np.testing.assert_allclose(record["cases"][0]["inputs"][0]["affine"], AFFINE)
    assert record["cases"][0]["scores_after"]["WT"]["dice"] == result.cases[0].scores_after[0].dice

    with open(out / "steps.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(r["t"]) for r in rows] == [0, 1, 2, 3]
    assert {"eta", "lambda", "l_hbs", "l_se", "loss", "mean_distance", "entropy_nats", "fraction_0",
            "fraction_3", "seconds"} <= set(rows[0])  # fmt: skip

    channels = np.load(out / "channels.npz")
    total = sum(layer.channels for layer in result.layers)
    assert channels["distance"].shape == channels["alpha"].shape == (4, total)
    assert channels["distance"].dtype == np.float32
    assert channels["layer_offsets"].tolist() == [*(la.offset for la in result.layers), total]
    np.testing.assert_allclose(channels["alpha"].mean(axis=1), 1, atol=1e-6)

    for name in ("before", "after"):
        mask = nib.load(out / name / "patient.nii.gz")
        np.testing.assert_allclose(mask.affine, AFFINE)
        assert mask.shape == case.grid.shape
        assert set(np.unique(mask.dataobj)) <= {0, 3}
    assert "not a medical device" in (out / "report.html").read_text().lower()


def test_the_saved_model_gives_the_saved_mask(model, case, tmp_path):
    adapt_case(model, case, SHORT, out=tmp_path / "run")
    again = predict_case(load_model(tmp_path / "run" / "model"), case)
    saved = np.asarray(nib.load(tmp_path / "run" / "after" / "patient.nii.gz").dataobj)
    np.testing.assert_array_equal(again, saved)


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


def test_a_stop_before_the_first_step_keeps_the_source_mask(model, case, tmp_path):
    run = Run(make_job(model, case, SHORT, out=tmp_path / "run"))
    for event in run:
        if isinstance(event, Before):
            run.stop()
    assert event.result.outcome == "stopped"
    assert event.result.cases[0].after is None
    assert "before/patient.nii.gz" in files(tmp_path / "run")
    assert "after/patient.nii.gz" not in files(tmp_path / "run")


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


def test_a_window_closed_on_a_run_leaves_it_resumable(model, case, tmp_path):
    config = preset("osuda", iterations=6, batch_size=4)
    events = iter(Run(make_job(model, case, config, out=tmp_path / "run")))
    for event in events:
        if isinstance(event, Step) and event.report.t == 1:
            break
    events.close()
    resumed = adapt_case(model, case, config, out=tmp_path / "run", resume=True)
    assert len(resumed.reports) == 6


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


def test_out_of_memory_twice_fails_with_the_partial_run_saved(model, case, monkeypatch, tmp_path):
    def starved(self):
        raise MemoryError

    monkeypatch.setattr(Adaptation, "_step", starved)
    events = list(Run(make_job(model, case, SHORT, out=tmp_path / "run")))
    assert events[-1].result.outcome == "failed"
    assert "ran out of memory" in events[-1].result.error
    assert {"run.json", "before/patient.nii.gz", "checkpoint/state.pt"} <= files(tmp_path / "run")


def test_a_run_of_other_settings_is_not_resumed(model, case, tmp_path):
    run = Run(make_job(model, case, preset("osuda", iterations=6), out=tmp_path / "run"))
    for event in run:
        if isinstance(event, Step):
            run.stop()
    with pytest.raises(OutputError, match="iterations of the settings was 6, now it is 7"):
        adapt_case(model, case, preset("osuda", iterations=7), out=tmp_path / "run", resume=True)


def test_a_run_that_was_left_by_an_earlier_version_resumes(model, case, tmp_path):
    config = preset("osuda", iterations=4, batch_size=4)
    run = Run(make_job(model, case, config, out=tmp_path / "runs" / "run"))
    for event in run:
        if isinstance(event, Step):
            run.stop()
    path = tmp_path / "runs" / "run" / "checkpoint" / "job.json"
    record = json.loads(path.read_text())
    del record["contrasts"], record["files"][0]["titles"]
    # What has become free to differ since stood among the settings, with another default.
    del record["free"]["fallback"]
    record["settings"]["fallback"] = False
    path.write_text(json.dumps(record))
    (left,) = find_unfinished(tmp_path / "runs")
    assert list(Run(left.job()))[-1].result.outcome == "done"


def test_settings_that_change_no_iteration_may_differ_in_a_resumption(model, case, tmp_path):
    config = preset("osuda", iterations=4, batch_size=4, fallback=False)
    run = Run(make_job(model, case, config, out=tmp_path / "run"))
    for event in run:
        if isinstance(event, Step):
            run.stop()
    again = config.replace(fallback=True, guard=False)
    assert adapt_case(model, case, again, out=tmp_path / "run", resume=True).outcome == "done"


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


@pytest.mark.parametrize("method", ["intent", "vptta"])
def test_a_method_that_adapts_as_it_predicts_gives_masks_and_says_that_there_is_no_model(
    model, case, tmp_path, method
):
    result = adapt_case(model, case, method=method, out=tmp_path / "run")
    assert result.cases[0].after.any()
    assert not result.has_model
    assert not (tmp_path / "run" / "model").exists()
    assert any("no model to save" in note for note in read_record(tmp_path / "run").notes)
