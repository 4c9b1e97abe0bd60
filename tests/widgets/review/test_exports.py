"""What was signed can be exported, and nothing before."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog
from review_widgets import answer, asked

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
