"""What stands in files steers no terminal, whatever command shows it and whatever the terminal can show."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml

from napari_osuda.cli.commands import main

EVIL = "\x1b[2J\x1b]0;owned\x07\u202egpj.exe"


@pytest.fixture
def evil_model(model: Path, tmp_path: Path) -> Path:
    import shutil

    folder = Path(shutil.copytree(model, tmp_path / "model"))
    file = folder / "bioimageio.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["name"] = document["license"] = EVIL
    document["config"]["osuda"]["labels"] = {0: "background", 1: EVIL}
    document["outputs"][0]["axes"][1]["channel_names"] = ["background", EVIL]
    document["inputs"][0]["preprocessing"] = [{"id": EVIL, "kwargs": {EVIL: EVIL}}]
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def _harmless(text: str) -> bool:
    return all(c.isprintable() or c in "\n\t\r" for c in text)


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_inspect(evil_model: Path, capsys: pytest.CaptureFixture[str], option: list[str]) -> None:
    assert main(["inspect", str(evil_model), *option]) == 0
    shown = capsys.readouterr()
    assert _harmless(shown.out)
    assert _harmless(shown.err)


@pytest.mark.parametrize("name", [EVIL, "a\nnapari-osuda: done", "caf\udce9"])
def test_names_of_files_and_folders(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    grid = np.random.default_rng(0).normal(100, 9, (16, 16, 4)).astype(np.float32)
    for contrast in ("t1", "t2"):
        nib.save(nib.Nifti1Image(grid, np.eye(4)), folder / f"a_{contrast}.nii.gz")
    out = tmp_path / "out"
    for command in (["predict"], ["adapt", "--set", "iterations=1"]):
        code = main([*command, "--model", str(model), "--case", str(folder), "--out", str(out)])
        assert code == 1
    assert main(["inspect", str(folder)]) == 1
    mask = str(folder / "a_t2.nii.gz")
    assert (
        main(["evaluate", "--prediction", mask, "--reference", mask, "--out", str(tmp_path / "s.csv")]) == 1
    )
    shown = capsys.readouterr()
    assert _harmless(shown.out)
    assert _harmless(shown.err)
    assert "unexpected error" not in shown.err
    assert not out.exists()


def test_a_terminal_that_knows_ascii_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert main(["inspect", str(tmp_path / "病変 é")]) == 1
    streams[1].flush()
    assert rb"\u75c5\u5909" in streams[1].buffer.getvalue()


def test_streams_that_the_caller_has_closed_are_no_files_of_ours(tmp_path: Path) -> None:
    """A cron job may close all three; what is written then must not go into a file that took their number."""
    script = (
        "import os, sys\n"
        "from napari_osuda.cli import _open_streams\n"
        "_open_streams()\n"
        "print('to nobody'); sys.stderr.write('to nobody'); sys.stdout.flush()\n"
        "with open(sys.argv[1], 'w') as file:\n"
        "    file.write(str(file.fileno() > 2)); os.write(1, b'no'); os.write(2, b'no')\n"
    )
    told = tmp_path / "told"
    closing = "import os, sys; [os.close(n) for n in (0, 1, 2)]; os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-c", closing, sys.executable, "-c", script, str(told)]
    done = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 0
    assert told.read_text() == "True"
