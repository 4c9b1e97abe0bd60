from __future__ import annotations

import sys

import pytest

from napari_osuda.cli import demo
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
