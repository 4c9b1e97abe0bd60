"""What was signed can be exported, and nothing before."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog
from review_widgets import answer, asked

from napari_osuda.session.review.exporting import ExportForm, ExportOffer
from napari_osuda.widgets.review.words import REPORT_DONE

pytestmark = pytest.mark.viewer


def saved(widget: Any, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: REPORT_DONE in widget.page.note.text(), timeout=60_000)


def test_the_signed_mask_and_its_papers_are_exported(widget, qtbot, folder, tmp_path, monkeypatch):
    exports = widget.signing.exports
    exports.fill()
    lines = exports.menu.actions()
    assert not any(line.isEnabled() for line in lines)
    assert all("Save and sign first" in line.text() for line in lines)
    widget.commands.decide_everywhere("after")
    answer(widget, "Use adapted")
    widget.page.name.setText("A. Reader")
    QTest.mouseClick(widget.page.save_button, Qt.MouseButton.LeftButton)
    assert not asked(widget)
    saved(widget, qtbot)
    exports.fill()
    enabled = {line.text() for line in exports.menu.actions() if line.isEnabled()}
    assert len(enabled) == 4
    target = tmp_path / "papers" / "case.pdf"
    target.parent.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    next(line for line in exports.menu.actions() if "PDF" in line.text()).trigger()
    qtbot.waitUntil(lambda: "Exported" in widget.page.note.text(), timeout=60_000)
    assert target.read_bytes().startswith(b"%PDF-")


def signed(widget: Any) -> None:
    widget.commands.decide_everywhere("after")
    answer(widget, "Use adapted")
    widget.page.name.setText("A. Reader")
    QTest.mouseClick(widget.page.save_button, Qt.MouseButton.LeftButton)


def table_of(widget: Any) -> ExportOffer:
    source = next((widget.run.folder / "final").glob("*.nii.gz"))
    return ExportOffer(ExportForm.NIFTI, "case.nii.gz", source)


def test_a_report_that_ends_later_says_nothing_over_an_export(widget, qtbot, tmp_path, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr("napari_osuda.widgets.review.signing.write_review_report", lambda run: go_on.wait(60))
    signed(widget)
    exports, offer = widget.signing.exports, table_of(widget)
    exports.export(widget.run, offer, tmp_path / "one.nii.gz")
    qtbot.waitUntil(lambda: "Exported" in widget.page.note.text(), timeout=60_000)
    go_on.set()
    qtbot.waitUntil(lambda: not widget.signing._reporting.busy, timeout=60_000)
    assert "one.nii.gz" in widget.page.note.text()


def test_what_goes_wrong_is_told_whatever_was_asked_since(widget, qtbot, tmp_path, monkeypatch):
    go_on = threading.Event()

    def fails(run: object) -> None:
        go_on.wait(60)
        raise OSError("no room left")

    monkeypatch.setattr("napari_osuda.widgets.review.signing.write_review_report", fails)
    signed(widget)
    exports, offer = widget.signing.exports, table_of(widget)
    exports.export(widget.run, offer, tmp_path / "missing" / "one.nii.gz")
    exports.export(widget.run, offer, tmp_path / "two.nii.gz")
    qtbot.waitUntil(lambda: not any(writing.busy for writing in exports._writing), timeout=60_000)
    assert (tmp_path / "two.nii.gz").is_file()
    go_on.set()
    qtbot.waitUntil(lambda: "no room left" in widget.page.note.text(), timeout=60_000)
