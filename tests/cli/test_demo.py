from __future__ import annotations

import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from napari_osuda.cli import demo
from napari_osuda.errors import OsudaError
from napari_osuda.simulation.shipped import sample_models, sample_patients


@pytest.mark.parametrize(
    ("system", "display", "there"),
    [("linux", ":0", True), ("linux", None, False), ("darwin", None, True), ("win32", None, True)],
)
def test_a_window_needs_a_display_on_linux_alone(monkeypatch, system, display, there):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)
    assert demo.display_there() == there


def test_a_second_demo_has_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert demo._free_folder().name == "demo-run"
    for name in ("demo-run", "demo-run-2"):
        (tmp_path / name).mkdir()
    assert demo._free_folder().name == "demo-run-3"


def test_without_a_display_the_job_is_done_in_the_folder_that_was_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "display_there", lambda: False)
    monkeypatch.setattr(demo, "_headless", lambda out: out)
    assert demo.run_demo(out=tmp_path, gui=True) == tmp_path


def test_the_demo_hands_the_model_a_contrast_that_it_does_not_know():
    assert demo.MODEL in sample_models()
    assert demo.CHANNEL in sample_patients()[demo.PATIENT].images
    assert "t2" not in sample_patients()[demo.PATIENT].images


@pytest.mark.parametrize("lacks", ["Qt", "a library"])
def test_where_no_window_can_be_opened_a_sentence_says_what_to_do(monkeypatch, lacks):
    def fail():
        raise ImportError("libEGL.so.1")

    monkeypatch.setattr(demo, "display_there", lambda: True)
    monkeypatch.setattr(demo, "qt_problem", lambda: "There is no Qt." if lacks == "Qt" else None)
    monkeypatch.setattr(demo, "open_demo_viewer", fail)
    monkeypatch.setitem(sys.modules, "napari", SimpleNamespace())
    with pytest.raises(OsudaError, match="no Qt" if lacks == "Qt" else "apt-get install libegl1") as told:
        demo.run_demo(out=None, gui=True)
    assert "napari-osuda demo --no-gui" in str(told.value)


def test_napari_opens_on_the_sample_with_its_model_chosen(monkeypatch):
    napari, widget = MagicMock(), MagicMock()
    monkeypatch.setitem(sys.modules, "napari", napari)
    monkeypatch.setattr(demo, "display_there", lambda: True)
    monkeypatch.setattr(demo, "qt_problem", lambda: None)
    monkeypatch.setattr("napari_osuda.napari_layers.panels.open_panel", lambda viewer, title: widget)
    assert demo.run_demo(out=None, gui=True) == 0
    napari.Viewer.return_value.open_sample.assert_called_once_with("napari-osuda", demo.PATIENT)
    widget.choose_model.assert_called_once_with(sample_models()[demo.MODEL])
    napari.run.assert_called_once_with()


@pytest.mark.parametrize(("outcome", "code"), [("done", 0), ("stopped", 130)])
def test_the_demo_says_so_where_adaptation_made_it_worse(monkeypatch, tmp_path, capsys, outcome, code):
    def scores(dice):
        return [SimpleNamespace(region="WT", dice=dice)]

    worse = SimpleNamespace(scores_before=scores(0.8), scores_after=scores(0.7))
    alike = SimpleNamespace(scores_before=scores(0.8), scores_after=scores(0.796))
    pictures = []
    result = SimpleNamespace(cases=(worse, alike), outcome=outcome)
    monkeypatch.setattr("napari_osuda.cli.terminal.run_on_terminal", lambda *args, **given: result)
    monkeypatch.setattr("napari_osuda.cli.terminal.summary", lambda given: ["The recommendation."])
    monkeypatch.setattr(demo, "_screenshot", pictures.append)
    assert demo.run_demo(out=tmp_path / "run", gui=False) == code
    told = capsys.readouterr().out
    assert "The recommendation." in told
    assert told.count("Here adaptation made WT worse (0.800 to 0.700)") == 1
    assert len(pictures) == (outcome == "done")


def test_a_picture_that_cannot_be_taken_is_no_failure(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(demo, "display_there", lambda: False)
    monkeypatch.setattr(demo.shutil, "which", lambda name: None)
    demo._screenshot(tmp_path)
    assert "there is no Xvfb" in capsys.readouterr().out
    monkeypatch.setattr(demo.shutil, "which", lambda name: "/usr/bin/xvfb-run")
    taken = []

    def run(command, **given):
        taken.append(command)
        return SimpleNamespace(stderr="many lines\nno GLX")

    monkeypatch.setattr(demo.subprocess, "run", run)
    demo._screenshot(tmp_path)
    assert "could not be opened on a virtual display (no GLX)" in capsys.readouterr().out
    assert taken[0][0] == "/usr/bin/xvfb-run"
    (tmp_path / "viewer.png").touch()
    demo._screenshot(tmp_path)
    assert f"The viewer after it: {tmp_path / 'viewer.png'}" in capsys.readouterr().out
