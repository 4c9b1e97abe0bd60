from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from napari_osuda.cli.commands import main

SHORT = ["--set", "iterations=2", "batch_size=4"]


@pytest.fixture
def dataset(patient, tmp_path) -> Path:
    root = tmp_path / "bids"
    for label in ("01", "02", "03"):
        folder = root / f"sub-{label}" / "anat"
        folder.mkdir(parents=True)
        for contrast, name in (("T1w", "p7_t1.nii.gz"), ("T2w", "p7_T2.nii.gz")):
            shutil.copy(patient / name, folder / f"sub-{label}_{contrast}.nii.gz")
    return root


def run(*arguments) -> int:
    return main([str(a) for a in arguments])


def test_participants_then_group(model, dataset, tmp_path, capsys):
    out = tmp_path / "derivatives"
    broken = dataset / "sub-02" / "anat" / "sub-02_T2w.nii.gz"
    broken.write_bytes(b"no image")
    command = ["cohort", dataset, out, "participant", "--model", model, *SHORT]
    assert run(*command) == 1
    told = capsys.readouterr().err
    assert "2 of 3 sessions adapted; 1 failed (sub-02); the same command tries them again." in told
    assert "Traceback" not in told
    assert run("cohort", dataset, out, "group") == 0
    assert "2 of 3 sessions are segmented, 1 failed, 0 are not begun." in capsys.readouterr().out
    with open(out / "participants.tsv", newline="") as stream:
        rows = {row["participant_id"]: row for row in csv.DictReader(stream, delimiter="\t")}
    assert rows["sub-02"]["state"] == "failed"
    assert rows["sub-01"]["recommendation"] in ("accept", "keep-source", "neither")
    assert (out / "report.html").is_file()

    shutil.copy(dataset / "sub-01" / "anat" / "sub-01_T2w.nii.gz", broken)
    assert run(*command, "--participant-label", "02", "--quiet") == 0
    assert run(*command) == 0
    assert "0 of 3 sessions adapted; 3 done before." in capsys.readouterr().err


def test_a_model_is_asked_for(dataset, tmp_path, capsys):
    assert run("cohort", dataset, tmp_path / "out", "participant") == 2
    assert "--model is required" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM is a POSIX signal")
def test_a_time_limit_keeps_the_state(model, dataset, tmp_path):
    out = tmp_path / "out"
    command = ["cohort", dataset, out, "participant", "--model", model, "--participant-label", "01"]
    more = ["--set", "iterations=100000", "batch_size=4", "--verbose"]
    child = subprocess.Popen(
        [sys.executable, "-m", "napari_osuda", *map(str, command), *more],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    for line in child.stderr or ():
        if "t = 3:" in line:
            child.send_signal(signal.SIGTERM)
            break
    child.communicate(timeout=120)
    assert child.returncode == 130
    assert (out / "runs" / "sub-01" / "checkpoint" / "state.pt").is_file()
    assert not (out / "jobs" / "sub-01.json").exists()
