from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import two_processes

from napari_osuda.cli.commands import main
from napari_osuda.method import AdaptationConfig

SHORT = ["--set", "iterations=2", "batch_size=4"]


def run(*arguments) -> int:
    return main([str(a) for a in arguments])


@pytest.fixture
def sessions(patient, tmp_path):
    folders = [tmp_path / "sub-01" / session for session in ("ses-1", "ses-2")]
    for folder in folders:
        shutil.copytree(patient, folder)
    return folders


def test_each_case_by_itself_and_the_rest_later(model, sessions, tmp_path, capsys):
    out, file = tmp_path / "runs", sessions[0] / "p7_T2.nii.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    command = ["adapt", "--each", "--model", model, "--case", *sessions, "--out", out, *SHORT]
    assert run(*command) == 1
    assert "1 of 2 cases adapted; 1 failed (sub-01_ses-1)." in capsys.readouterr().err
    assert (out / "sub-01_ses-2" / "after" / "sub-01_ses-2.nii.gz").is_file()
    assert run(*command) == 1
    assert "is not empty" in capsys.readouterr().err
    file.write_bytes(whole)
    assert run(*command, "--resume") == 0
    assert "1 of 2 cases adapted; 1 skipped." in capsys.readouterr().err
    records = [json.loads((out / f"sub-01_ses-{n}" / "run.json").read_text()) for n in (1, 2)]
    assert [[case["name"] for case in record["cases"]] for record in records] == [
        ["sub-01_ses-1"],
        ["sub-01_ses-2"],
    ]


def test_a_run_is_repeated_from_its_record(model, patient, tmp_path, capsys):
    first, again, other = tmp_path / "first", tmp_path / "again", tmp_path / "other"
    command = ["adapt", "--model", model, "--case", patient, "--out", first, "--seed", "3", "--quiet", *SHORT]
    assert run(*command) == 0
    assert run("adapt", "--config", first / "run.json", "--out", again, "--quiet") == 0
    masks = [nib.load(folder / "after" / "Patient 7.nii.gz").get_fdata() for folder in (first, again)]
    np.testing.assert_array_equal(*masks)
    then, now = (json.loads((folder / "run.json").read_text()) for folder in (first, again))
    for key in ("config", "seed", "method", "model", "cases"):
        assert now[key] == then[key], key

    assert run("adapt", "--config", first, "--out", other, "--quiet", "--set", "iterations=1") == 0
    record = json.loads((other / "run.json").read_text())
    assert (record["config"]["iterations"], record["seed"]) == (1, 3)

    image = patient / "p7_t1.nii.gz"
    changed = nib.load(image)
    nib.save(nib.Nifti1Image(changed.get_fdata(dtype=np.float32) + 1, changed.affine), image)
    assert run("adapt", "--config", first, "--out", tmp_path / "no") == 1
    assert "p7_t1.nii.gz is not the image of that run" in capsys.readouterr().err
    assert run("adapt", "--config", image, "--out", tmp_path / "no") == 1
    assert "is not the record of a run" in capsys.readouterr().err


def test_the_log_of_a_run_is_in_its_folder(model, patient, tmp_path, capsys):
    out = tmp_path / "run"
    assert run("adapt", "--model", model, "--case", patient, "--out", out, "--verbose", *SHORT) == 0
    log = (out / "run.log").read_text(encoding="utf-8")
    for said in ("INFO    napari-osuda ", "Case Patient 7: ", "DEBUG   t = 1: eta", "Outcome: done"):
        assert said in log, said
    assert "DEBUG   napari_osuda.session.run_folder.run_log: t = 1: eta" in capsys.readouterr().err


def test_a_failure_says_in_the_log_where_it_came_from(model, patient, tmp_path, capsys, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("something odd")

    monkeypatch.setattr("napari_osuda.session.run.masks.Masks.segment", broken)
    out = tmp_path / "run"
    assert run("adapt", "--model", model, "--case", patient, "--out", out, *SHORT) == 1
    assert "Traceback" not in capsys.readouterr().err
    log = (out / "run.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "something odd" in log


def test_a_second_gpu_is_asked_for_by_its_number(model, patient, tmp_path, capsys):
    command = ["adapt", "--model", model, "--case", patient, "--out", tmp_path / "run", *SHORT]
    assert run(*command, "--device", "cuda:999") == 1
    assert "no device 'cuda:999'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        run(*command, "--device", "cuda:one")
    assert stop.value.code == 2


def test_two_processes_write_one_run_folder(model, patient, tmp_path, capsys):
    """The same masks and reports as one process, told by the first alone."""
    names = {"alone": tmp_path / "alone", "together": tmp_path / "together"}
    command = ["adapt", "--model", model, "--case", patient, "--set", "precision=float32", "batch_size=3"]
    command += ["iterations=3", "fallback=false", "--out"]
    assert run(*command, names["alone"]) == 0
    first, second = two_processes.run("-m", "napari_osuda", *command, names["together"])
    assert "Run folder" in first
    assert not second
    masks = [nib.load(folder / "after" / "Patient 7.nii.gz").get_fdata() for folder in names.values()]
    assert np.mean(masks[0] != masks[1]) < 1e-3
    rows = [np.genfromtxt(folder / "steps.csv", delimiter=",", names=True) for folder in names.values()]
    for column in ("l_hbs", "l_se", "loss"):
        np.testing.assert_allclose(rows[1][column], rows[0][column], rtol=1e-4, atol=1e-5)
    assert json.loads((names["together"] / "run.json").read_text())["outcome"] == "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are copied")
def test_two_processes_that_were_killed_go_on_to_the_same_masks(model, patient, tmp_path, capsys):
    command = ["adapt", "--model", model, "--case", patient, "--set", "precision=float32", "batch_size=3"]
    command += ["iterations=4", "guard=false", "contrast=off", "--out"]
    assert run(*command, tmp_path / "alone") == 0
    program = Path(two_processes.__file__).with_name("killed_together.py")
    two_processes.run(program, two_processes.free_port(), *command, tmp_path / "together")
    assert "Resumed after iteration 2 of 4" in (tmp_path / "together" / "run.log").read_text()
    folders = tmp_path / "alone", tmp_path / "together"
    masks = [nib.load(folder / "after" / "Patient 7.nii.gz").get_fdata() for folder in folders]
    assert np.mean(masks[0] != masks[1]) < 1e-3
    losses = [np.genfromtxt(folder / "steps.csv", delimiter=",", names=True)["loss"] for folder in folders]
    np.testing.assert_allclose(*losses, rtol=1e-4, atol=1e-5)


def test_each_by_itself_is_for_one_process(model, patient, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run("adapt", "--each", "--model", model, "--case", patient, "--out", tmp_path / "runs") == 1
    assert "Leave torchrun away" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["cohort", ".", "out", "participant", "--model", "m"],
        ["predict", "--model", "m", "--case", "c", "--out", "o"],
        ["inspect", "m"],
    ],
)
def test_only_adapt_is_shared_out(command, capsys, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run(*command) == 1
    assert "Leave torchrun away" in capsys.readouterr().err
    monkeypatch.setenv("WORLD_SIZE", "1")
    run(*command)
    assert "torchrun" not in capsys.readouterr().err


def test_set_list_prints_every_setting(capsys):
    assert run("adapt", "--set", "list") == 0
    printed = " ".join(capsys.readouterr().out.split())
    for name in AdaptationConfig().to_dict():
        assert f" {name}=" in printed
    assert "seed=0: Order of the slices. It must be between 0 and 4294967295." in printed


def test_each_needs_names_that_differ_and_a_reference_for_each(model, patient, sessions, tmp_path, capsys):
    each = ["adapt", "--each", "--model", model, "--out", tmp_path / "runs", "--case"]
    assert run(*each, patient, patient) == 1
    assert "Two cases are called 'Patient 7'" in capsys.readouterr().err
    assert run(*each, *sessions, "--reference", patient / "p7_seg.nii.gz") == 1
    assert "Cases given: 2, references: 1." in capsys.readouterr().err
    assert run("adapt", "--each", "--config", "run.json", "--out", tmp_path / "runs") == 2
    assert "--each and --config exclude each other" in capsys.readouterr().err
