"""The benchmarks' own arithmetic: limits, and what has moved since the committed figures."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def loaded(name, monkeypatch):
    path = Path(__file__).parent.parent / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def figures(monkeypatch):
    return loaded("figures", monkeypatch)


def test_a_figure_is_told_with_its_limit_and_what_moved(figures):
    figure = figures.Figure("step", 1.2, 1.05)
    assert figure.beyond
    assert "limit 1.05, EXCEEDED" in figure.told(None)
    assert "slower than 1 before" in figure.told(1.0)
    assert "before" not in figure.told(1.15)
    assert "faster" in figures.Figure("start", 0.1, 0.4, "s").told(0.2)
    assert not figures.Figure("start", 0.1).beyond


def test_saved_figures_are_read_again_and_the_others_stay(figures, tmp_path):
    path = tmp_path / "benchmark.json"
    assert figures.read(path) == {}
    figures.save([figures.Figure("a", 1.0), figures.Figure("b", 2.0)], path)
    figures.save([figures.Figure("b", 3.0)], path)
    assert figures.read(path) == {"a": 1.0, "b": 3.0}
    assert figures.read() != {}


def test_one_part_alone_is_measured_and_a_figure_beyond_its_limit_fails(figures, monkeypatch, capsys):
    parts = {
        "unet": lambda given: [figures.Figure("a", 2.0, 1.0)],
        "help": lambda given: [figures.Figure("b", 1.0)],
    }
    for arguments, code in ((["--only", "help"], 0), ([], 1), (["--only", "smp"], 0)):
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        assert figures.run("", parts) == code
    assert capsys.readouterr().out.count("b: 1") == 2


def test_each_part_that_can_be_asked_for_is_measured_by_one_benchmark(figures):
    """``make benchmark`` runs all files that the names of the parts are in."""
    folder = Path(__file__).parent.parent
    made = (folder / "Makefile").read_text(encoding="utf-8").partition("for part in ")[2].partition(";")[0]
    texts = {
        name: (folder / "benchmarks" / f"{name}.py").read_text(encoding="utf-8") for name in made.split()
    }
    for part in figures.PARTS:
        assert sum(f'"{part}":' in text for text in texts.values()) == 1, part


def test_what_growth_measures_is_a_whole_run(figures, monkeypatch):
    growth = loaded("growth", monkeypatch)
    result = growth.whole_run((growth.patient(0, 2),))()
    assert result.outcome == "done"
    assert result.cases[0].recommendation is not None
