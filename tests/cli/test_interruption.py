from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from napari_osuda.cli import main
from napari_osuda.locks import locked
from napari_osuda.session.run_folder.checkpoint import saved_states

SHORT = ["--set", "iterations=3", "batch_size=4"]
_STARTED = "import sys; from napari_osuda.cli import main; print('in', flush=True); sys.exit(main())"


# Not 0: before `main` is entered, a signal is the interpreter's.
@pytest.mark.parametrize("delay", [0.1, 0.3, 0.8])
def test_ctrl_c_at_the_start_leaves_nothing_and_no_traceback(model, patient, tmp_path, delay):
    out = tmp_path / "run"
    command = ["adapt", "--model", str(model), "--case", str(patient), "--out", str(out), *SHORT]
    process = subprocess.Popen(
        [sys.executable, "-c", _STARTED, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "in\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not out.exists() or saved_states(out)


@pytest.mark.slow
def test_killed_runs_are_resumed_to_the_same_masks(model, patient):
    tool = Path(__file__).parents[2] / "tools" / "kill_and_resume.py"
    done = subprocess.run(
        [sys.executable, str(tool), "--model", str(model), "--case", str(patient), "--kills", "3",
         "--set", "iterations=6", "batch_size=2"],
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 faults" in done.stdout


def test_two_runs_into_one_folder_are_refused(model, patient, tmp_path, capsys):
    out = tmp_path / "run"
    with locked(out):
        assert main(["adapt", "--model", str(model), "--case", str(patient), "--out", str(out), *SHORT]) == 1
    assert "Another run is writing into" in capsys.readouterr().err
    assert not out.exists()


def test_an_unexpected_failure_is_a_sentence(model, patient, tmp_path, capsys, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("something odd\x1b[2J")

    monkeypatch.setattr("napari_osuda.models.load_model", broken)
    command = ["predict", "--model", str(model), "--case", str(patient), "--out", str(tmp_path / "out")]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "unexpected error" in said
    assert "\x1b" not in said
    monkeypatch.setenv("OSUDA_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(command)


@pytest.mark.parametrize("setting", ["threads=100000", "seed=123456789012345678901234567890"])
def test_settings_out_of_all_bounds_are_refused(model, patient, tmp_path, capsys, setting):
    command = ["adapt", "--model", str(model), "--case", str(patient), "--out", str(tmp_path / "out")]
    assert main([*command, "--set", setting]) == 1
    assert "it must be" in capsys.readouterr().err
