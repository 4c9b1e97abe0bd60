"""Pieces that the second look has removed: listed, looked at, brought back, undone, told in the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest
from review_parts import AFFINE, write_run
from review_widgets import SHAPE, answer, asked, docked

from napari_osuda.imaging import Grid, write_labels
from napari_osuda.session.review.report import review_report
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.tools.use import Tool

pytestmark = pytest.mark.viewer


def masks() -> tuple[np.ndarray, np.ndarray]:
    before = np.zeros(SHAPE, np.uint8)
    before[1:5, 1:5, 1:5] = 1
    after = before.copy()
    # A frame, and a dot in the middle of it: each has its own voxels.
    before[7:12, 5:10, 2:5] = 3
    before[8:11, 6:9, 2:5] = 0
    before[9, 7, 3] = 1
    return before, after


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose result is the original mask without two pieces."""
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    folder = write_run(tmp_path / "run", ("case",), SHAPE)
    for name, mask in zip(("before", "after"), masks(), strict=True):
        write_labels(folder / name / "case.nii.gz", mask, Grid(SHAPE, AFFINE))
    record = json.loads((folder / "run.json").read_text())
    advice = {
        "decision": "accept", "reasons": ["The reduced mask."],
        "evidence": [{"kind": "removed", "figures": {"pieces": 2.0, "ml": 0.117}}],
    }  # fmt: skip
    record["recommendation"] = record["cases"][0]["recommendation"] = advice
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def widget(make_napari_viewer: Any, folder: Path) -> Iterator[Any]:
    viewer = make_napari_viewer()
    made = docked(viewer)
    made.open_folder(folder)
    assert made.review is not None, made.page.note.text()
    yield made
    viewer.window.remove_dock_widget(made)


def click(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def texts(panel: Any) -> list[str]:
    return [panel.list.itemText(row) for row in range(panel.list.count())]


def test_every_word_says_that_it_is_no_adapted_mask(widget):
    page = widget.page
    assert "Use the reduced mask (the original, 2 pieces removed)" in page.advice.text()
    assert page.decide.after.text().startswith("Use reduced")
    assert page.decide.rest_after.text() == "All undecided: use reduced"
    assert "reduced" in page.volumes.text()
    assert widget.layers.layers["after"].name == "reduced mask (case)"
    widget.context.go_to(2)
    click(page.decide.after)
    assert page.note.text().startswith("Reduced mask used in")
    seen = [page.volumes.text(), page.note.text(), page.modes.meaning.text(), page.decide.after.toolTip()]
    seen += [button.toolTip() for button in page.modes.buttons.values()]
    seen += [action.text() for action in page.decide.whole.menu().actions()]
    assert not [text for text in seen if "dapted" in text]


def test_a_piece_is_shown_brought_back_recorded_and_undone(widget, folder, qtbot):
    before, after = masks()
    page = widget.page
    page.tabs.setCurrentIndex(2)
    panel = page.tools.pieces
    assert not panel.isHidden()
    assert texts(panel) == ["1: axial 2 to 4, 0.43 ml", "2: axial 3, 0.01 ml"]
    click(panel.show_button)
    assert widget.layers.layers["difference"].visible
    assert widget.context.step in (2, 3, 4)
    click(panel.back_button)
    qtbot.waitUntil(lambda: asked(widget))
    assert "axial slices (2 to 4)" in answer(widget, "Apply")
    wanted = after.copy()
    wanted[before == 3] = 3
    np.testing.assert_array_equal(widget.review.final, wanted)
    assert [text.startswith("\N{CHECK MARK}") for text in texts(panel)] == [True, False]
    use = widget.review.log[-1].use
    assert (use.tool, use.piece) == (Tool.BRING_BACK, 1)
    run = ReviewRun.of_folder(folder)
    np.testing.assert_array_equal(run.review("case").final, wanted)
    (case,) = review_report(run).cases
    assert case.removed == 2
    assert case.review["tools used"][0]["tool"] == "bring back piece 1"
    widget.commands.undo()
    np.testing.assert_array_equal(widget.review.final, after)
    assert texts(panel)[0].startswith("1:")
