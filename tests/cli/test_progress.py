from __future__ import annotations

from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from napari_osuda.cli.progress import _STAGES, TerminalProgress
from napari_osuda.session.events import Progress, Stage, Started, Step
from napari_osuda.session.notes import Note, NoteKind


def step(t):
    return Step(SimpleNamespace(t=t, l_hbs=1.0, l_se=0.5, distance=np.array([2.0, 4.0])))


@pytest.fixture
def told(capsys):
    """What is shown of events where there is no terminal to draw on."""

    def show(*events, quiet=False):
        with TerminalProgress(quiet=quiet) as progress:
            for event in events:
                progress.show(event)
        return capsys.readouterr().err.splitlines()

    return show


def test_every_stage_has_words():
    assert set(_STAGES) == set(get_args(Stage))


def test_a_stage_is_told_once_and_every_tenth_step(told):
    stages = [Progress("adapt", done, 30, None) for done in range(3)]
    lines = told(*stages, *map(step, range(12)))
    assert lines == [
        "Adapting ...",
        "  t = 0: L_HBS 1.000  L_SE 0.5000 nats  mean d 3.000",
        "  t = 10: L_HBS 1.000  L_SE 0.5000 nats  mean d 3.000",
    ]


def test_notes_and_the_beginning_are_told_and_drive_no_terminal(told):
    layers = (SimpleNamespace(channels=4), SimpleNamespace(channels=8))
    lines = told(Started(layers, 3, "cpu", ()), Note(NoteKind.OTHER, "a\x1b[31mb"))
    assert lines == ["2 BatchNorm layers with 12 channels, on cpu.", "a\\x1b[31mb"]


def test_quiet_says_nothing(told):
    assert told(Progress("adapt", 0, 1, None), step(0), quiet=True) == []


def test_on_a_terminal_each_stage_has_a_bar_and_lines_stand_above_it(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with TerminalProgress() as progress:
        progress.show(Progress("adapt", 0, 2, None))
        bar = progress._bar
        progress.show(step(0))
        progress.show(Progress("adapt", 2, 2, None))
        assert (bar.n, bar.total, bar.postfix) == (2, 2, "L_HBS 1.000  L_SE 0.5000 nats  mean d 3.000")
        progress.show(Note(NoteKind.OTHER, "A note."))
        progress.show(Progress("guard", 0, 1, None))
        assert progress._bar is not bar
    assert progress._bar is None
    told = capsys.readouterr().err
    assert "Adapting" in told
    assert "A note.\n" in told
    assert "Comparing the two" in told
