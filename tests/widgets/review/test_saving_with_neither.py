"""Save asks where neither mask is recommended, also when all is decided."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox
from review_widgets import answer

from napari_osuda.widgets.review.words import REPORT_DONE

pytestmark = pytest.mark.viewer


def doubt(widget: Any) -> None:
    """Let neither mask be recommended."""
    object.__setattr__(widget.review.case, "decision", "neither")


def saved(widget: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: REPORT_DONE in widget.page.note.text(), timeout=60_000)


def test_with_neither_nothing_is_preselected_and_save_asks_although_all_is_decided(widget, qtbot, folder):
    doubt(widget)
    QTest.mouseClick(widget.page.decide.rest_after, Qt.MouseButton.LeftButton)
    (box,) = [box for box in widget.window().findChildren(QMessageBox) if box.isVisible()]
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert widget.review.log == [], "Enter takes neither mask for many slices"
    QTest.mouseClick(widget.page.decide.rest_after, Qt.MouseButton.LeftButton)
    assert answer(widget, "Use adapted").startswith("Neither mask is recommended.")
    assert not widget.review.undecided("axial")
    widget.page.name.setText("A. Reader")
    QTest.mouseClick(widget.page.save_button, Qt.MouseButton.LeftButton)
    assert "slices of the adapted mask. Save and sign it?" in answer(widget, "Cancel")
    assert not (folder / "final").exists()
    QTest.mouseClick(widget.page.save_button, Qt.MouseButton.LeftButton)
    answer(widget, "Save and sign")
    saved(widget, qtbot)
    assert (folder / "final" / "case.nii.gz").is_file()
