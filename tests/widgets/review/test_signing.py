from __future__ import annotations

import threading

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_widgets import answer, docked

from napari_osuda.errors import OutputError
from napari_osuda.widgets.review import signing
from napari_osuda.widgets.review.words import NAME_NEXT, REPORT_DONE

pytestmark = pytest.mark.viewer


def test_saving_asks_for_a_name_once_and_writes_everything(widget, empty, folder, qtbot):
    widget.save()
    assert "Enter your name" in widget.page.note.text()
    assert not (folder / "final").exists()
    widget.page.name.setText("A. Reader")
    widget.commands.decide_rest("before")
    answer(widget, "Use original")
    widget.save()
    qtbot.waitUntil(lambda: REPORT_DONE in widget.page.note.text(), timeout=30_000)
    saved = nib.load(folder / "final" / "case.nii.gz")
    np.testing.assert_array_equal(np.asarray(saved.dataobj), widget.review.case.before)
    page = (folder / "report.html").read_text()
    for said in ("A. Reader", "use original", "not a medical device", "final"):
        assert said in page
    assert widget.page.case.itemText(0) == "saved: case"
    empty.window.remove_dock_widget(widget)
    again = docked(empty)
    assert again.page.name.text() == "", "the next reader is somebody else"
    empty.window.remove_dock_widget(again)


def test_once_all_is_decided_the_keyboard_is_for_the_name_and_enter_signs(widget, folder, qtbot):
    widget.window().show()
    name = widget.page.name
    widget.commands.decide_rest("before")
    answer(widget, "Use original")
    assert widget.window().focusWidget() is name
    assert widget.page.note.text() == NAME_NEXT
    # A decision is undone where nothing has been typed, and the text where something has.
    QTest.keyClick(name, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert widget.review.decisions == 0
    widget.commands.decide_rest("before")
    answer(widget, "Use original")
    QTest.keyClicks(name, "A. Reader")
    QTest.keyClick(name, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert widget.review.decisions > 0
    name.setText("A. Reader")
    QTest.keyClick(name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: REPORT_DONE in widget.page.note.text(), timeout=30_000)
    assert (folder / "final" / "case.nii.gz").exists()


def test_what_is_not_all_decided_leaves_the_keyboard_with_the_picture(widget):
    widget.window().show()
    widget.commands.decide("before")
    assert widget.window().focusWidget() is not widget.page.name
    assert "Write your name" not in widget.page.note.text()


def test_a_report_that_could_not_be_written_is_told_after_the_next_as_well(widget, qtbot, monkeypatch):
    gate, told, asked = threading.Event(), [], []

    def write(run):
        asked.append(run)
        if len(asked) == 1:
            gate.wait(30)
            raise OutputError("The disk is full.")

    monkeypatch.setattr(signing, "write_review_report", write)
    widget.context.message.connect(lambda text, bad: told.append(text))
    widget.page.name.setText("A. Reader")
    widget.commands.decide_rest("before")
    answer(widget, "Use original")
    widget.save()
    qtbot.waitUntil(lambda: len(asked) == 1)
    widget.save()
    qtbot.waitUntil(lambda: any(REPORT_DONE in text for text in told))
    gate.set()
    qtbot.waitUntil(lambda: told[-1] == "The disk is full.")
