"""The runs on this case in a table; a click shows another one."""

from __future__ import annotations

import json

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_parts import write_run

pytestmark = pytest.mark.viewer

SHAPE = (12, 10, 8)


def test_one_click_shows_another_run_and_each_keeps_its_decisions(widget, empty, folder, tmp_path, qtbot):
    other = write_run(tmp_path / "tent", ("case",), SHAPE)
    record = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(record | {"method": "tent"}))
    widget.commands.decide("before")
    page = widget.page
    page.tabs.setCurrentIndex(3)
    qtbot.waitUntil(lambda: page.runs.table.rowCount() == 2, timeout=20_000)
    methods = [page.runs.table.item(row, 0).text() for row in range(2)]
    row = next(row for row in range(2) if "tent" in methods[row])
    index = page.runs.table.model().index(row, 1)
    place = page.runs.table.visualRect(index).center()
    QTest.mouseClick(page.runs.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: widget.run.folder == other, timeout=20_000)
    assert widget.review.log == []
    qtbot.waitUntil(
        lambda: any(run.current and run.method == "tent" for run in page.runs.runs), timeout=20_000
    )
    widget.open_folder(folder)
    assert len(widget.review.log) == 1
