"""Other masks, deleted layers, another reader: what was decided stays, and nobody signs for another."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from review_widgets import answer, asked, docked

from napari_osuda.imaging import Grid, write_labels
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.widgets.review.words import REPORT_DONE

pytestmark = pytest.mark.viewer


def test_other_masks_keep_the_decisions_that_hold(widget, empty, folder):
    widget.page.decide.on.setChecked(False)
    for step in (2, 3):
        widget.context.go_to(step)
        widget.commands.decide("after")
    widget.context.go_to(4)
    widget.commands.decide("before")
    empty.window.remove_dock_widget(widget)
    case = ReviewRun.of_folder(folder).review("case").case
    after = case.after.copy()
    changed = after.shape[2] - 1 - 3 if case.grid.orientation[2] == "I" else 3
    after[..., changed] = 0
    write_labels(folder / "after" / "case.nii.gz", after, Grid(case.grid.shape, case.grid.affine))
    again = docked(empty)
    again.open_folder(folder)
    assert again.review is not None, "no change of the masks locks a run"
    assert [again.review.choice("axial", index) is not None for index in (2, 3, 4)] == [True, False, True]
    again.context.go_to(5)
    assert "axial slice 3 needs a new decision" in again.page.note.text()
    empty.window.remove_dock_widget(again)


def test_who_saves_signs_for_this_sitting_and_no_other(widget, empty, folder, qtbot):
    widget.commands.decide("before")
    widget.page.name.setText("A. Reader")
    widget.save()
    said = answer(widget, "Cancel")
    assert said.startswith("6 axial slices are undecided. They hold the adapted mask, which is recommended.")
    assert not (folder / "final").exists()
    widget.save()
    answer(widget, "Save anyway")
    qtbot.waitUntil(lambda: REPORT_DONE in widget.page.note.text(), timeout=60_000)
    empty.window.remove_dock_widget(widget)
    again = docked(empty)
    again.open_folder(folder)
    assert again.page.name.text() == ""
    again.commands.decide("before")
    again.page.name.setText("B. Reader")
    again.commands.decide_rest("before")
    answer(again, "Use original")
    again.save()
    assert not asked(again), "all is decided"
    qtbot.waitUntil(lambda: REPORT_DONE in again.page.note.text(), timeout=60_000)
    log = json.loads((folder / "review.json").read_text())["cases"]["case"]["log"]
    assert [entry["who"] for entry in log] == ["A. Reader", "B. Reader", "B. Reader"]
    empty.window.remove_dock_widget(again)


@pytest.mark.parametrize("decision", ["neither"])
def test_where_neither_mask_is_to_be_trusted_nothing_is_proposed(empty, folder, decision):
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    record["cases"][0]["recommendation"]["decision"] = decision
    (folder / "run.json").write_text(json.dumps(record))
    widget = docked(empty)
    widget.open_folder(folder)
    assert "Trust neither mask: mark by hand" in widget.page.advice.text()
    assert not np.any(widget.layers.layers["final"].data)
    widget.page.name.setText("A. Reader")
    widget.save()
    assert "hold no label" in answer(widget, "Cancel")
    assert not (folder / "final").exists()
    empty.window.remove_dock_widget(widget)
