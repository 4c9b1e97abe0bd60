from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_osuda.cli.commands import main

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])
SHORT = ["--set", "iterations=3", "batch_size=4"]


def run(*arguments) -> int:
    return main([str(a) for a in arguments])


def test_adapt_predict_evaluate_inspect(model, patient, tmp_path, capsys):
    out, seg = tmp_path / "run", patient / "p7_seg.nii.gz"
    assert run("adapt", "--model", model, "--case", patient, "--out", out, "--reference", seg, *SHORT) == 0
    printed = capsys.readouterr()
    assert "Dice of WT" in printed.out
    assert re.search(r"ECE\) 0\.\d+ before, 0\.\d+ after; Brier score 0\.\d+ before", printed.out)
    assert str(out) in printed.out
    assert "Adapting" in printed.err
    assert (out / "after" / "Patient 7.nii.gz").is_file()
    assert json.loads((out / "run.json").read_text())["config"]["batch_size"] == 4

    masks = tmp_path / "masks"
    assert run("predict", "--model", out / "model", "--case", patient, "--out", masks, "--quiet") == 0
    mask = masks / "Patient 7.nii.gz"
    np.testing.assert_array_equal(
        nib.load(mask).get_fdata(), nib.load(out / "after" / "Patient 7.nii.gz").get_fdata()
    )
    assert run("predict", "--model", model, "--case", patient, "--out", masks) == 1
    assert "would be overwritten" in capsys.readouterr().err

    table = tmp_path / "scores.json"
    assert run("evaluate", "--prediction", seg, "--reference", seg, "--regions", model, "--out", table) == 0
    assert "WT: Dice 1.0000" in capsys.readouterr().out
    assert json.loads(table.read_text())["scores"][0]["dice"] == 1.0

    assert run("inspect", model, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["adaptable"] is True
    assert run("inspect", model) == 0
    assert "BatchNorm2d" in capsys.readouterr().out


@pytest.mark.parametrize(
    "spec",
    ["{0}/p7_t1.nii.gz,{0}/p7_T2.nii.gz", "t2={0}/p7_T2.nii.gz,t1={0}/p7_t1.nii.gz"],
)
def test_a_case_in_each_of_its_forms(model, patient, tmp_path, spec):
    assert run("predict", "--model", model, "--case", patient, "--out", tmp_path / "a", "--quiet") == 0
    assert (
        run("predict", "--model", model, "--case", spec.format(patient), "--out", tmp_path / "b", "--quiet")
        == 0
    )
    (a,), (b,) = (list((tmp_path / x).iterdir()) for x in "ab")
    np.testing.assert_array_equal(nib.load(a).get_fdata(), nib.load(b).get_fdata())


def test_weights_alone_are_described_once_and_come_back_as_weights(model, patient, tmp_path, capsys):
    weights = tmp_path / "weights.pth"
    torch.save({"epoch": 3, "state_dict": torch.load(model / "weights.pt", weights_only=True)}, weights)
    card = ["--set-card", "channels=t1,t2", "labels=0=background,1=lesion", "defaults=yes"]
    assert main(["inspect", str(weights), *card]) == 0
    capsys.readouterr()
    # What was said of this file is known from now on.
    command = ["adapt", "--model", weights, "--case", patient, "--out", tmp_path / "run", "--quiet", *SHORT]
    command.remove("--quiet")
    assert main([str(part) for part in command]) == 0
    assert "note: Answered before for this file: channels=t1,t2" in capsys.readouterr().err
    (file,) = (tmp_path / "run" / "model-as-it-came").iterdir()
    assert file.name == "weights.pth"
    adapted = torch.load(file, weights_only=True)
    assert adapted["epoch"] == 3
    written = torch.load(tmp_path / "run" / "model" / "weights.pt", weights_only=True)
    assert adapted["state_dict"].keys() == written.keys()
    assert all(torch.equal(value, written[key]) for key, value in adapted["state_dict"].items())
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["model"]["card"]["channels"] == ["t1", "t2"]


def test_methods_are_listed(capsys):
    assert run("adapt", "--method", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"osuda", "osuda-ac", "osuda-se", "source-only", "adabn"} <= {line.split()[0] for line in lines}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "iteratoins=3"], "no setting 'iteratoins'"),
        (["--method", "magic"], "no method 'magic'"),
        (["--case", "nowhere.nii.gz"], "nowhere.nii.gz"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing_behind(
    model, patient, tmp_path, arguments, says, capsys
):
    out = tmp_path / "run"
    base = ["adapt", "--model", model, "--out", out]
    if "--case" not in arguments:
        base += ["--case", patient]
    assert run(*base, *arguments) == 1
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    assert not out.exists()


def test_a_truncated_file_is_named(model, patient, tmp_path, capsys):
    file = patient / "p7_t1.nii.gz"
    file.write_bytes(file.read_bytes()[:200])
    assert run("adapt", "--model", model, "--case", patient, "--out", tmp_path / "run", *SHORT) == 1
    err = capsys.readouterr().err
    assert "p7_t1.nii.gz" in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_wrong_usage_exits_with_2(model, patient, capsys):
    with pytest.raises(SystemExit) as stop:
        run("adapt", "--model", model, "--case", patient, "--out", "x", "--device", "tpu")
    assert stop.value.code == 2
    assert run("adapt", "--model", model, "--case", patient) == 2
    assert "--out is required" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_saves_the_partial_run_says_so_and_exits_with_130(model, patient, tmp_path):
    out = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "napari_osuda",
        "adapt",
        "--model",
        model,
        "--case",
        patient,
        "--out",
        out,
    ]
    child = subprocess.Popen(
        [*map(str, command), "--set", "iterations=100000", "batch_size=4"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    lines = []
    for line in child.stderr:
        lines.append(line)
        if "t = 10" in line:
            child.send_signal(signal.SIGINT)
            break
    _, err = child.communicate(timeout=120)
    assert child.returncode == 130, "".join(lines) + err
    assert "partial run is saved" in err
    record = json.loads((out / "run.json").read_text())
    assert record["outcome"] == "stopped"
    assert record["iterations_done"] >= 10
    assert (out / "after" / "Patient 7.nii.gz").is_file()


def test_nothing_heavy_is_imported_at_start():
    heavy = {"torch", "monai", "napari", "numpy", "pydantic", "tqdm", "pandas"}
    code = f"import sys, napari_osuda.cli.commands; print({heavy} & set(sys.modules) or 'none')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"


def test_what_a_library_prints_is_no_part_of_the_json(model, capsys, monkeypatch):
    from napari_osuda import models

    def talkative(loaded):
        print("BasicUNet features: (8, 8).")
        return inspect_model(loaded)

    inspect_model = models.inspect_model
    monkeypatch.setattr(models, "inspect_model", talkative)
    assert main(["inspect", str(model), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["channels"] == ["t1", "t2"]
    assert "BasicUNet features" in told.err
