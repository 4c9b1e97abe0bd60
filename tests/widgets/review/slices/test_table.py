from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from review_widgets import choose_rows

pytestmark = pytest.mark.viewer


def test_the_table_follows_the_viewer_and_the_viewer_the_table(widget, empty, qtbot):
    empty.dims.set_current_step(0, 4)
    assert widget.page.slices.view.current() == 4
    view = widget.page.slices.view
    choose_rows(widget, 1, 1)
    assert widget.context.step == view.current() == 2
    assert empty.dims.current_step[0] == 2
    qtbot.mouseClick(widget.page.slices.strip, Qt.MouseButton.LeftButton, pos=QPoint(1, 10))
    assert widget.context.step == 0
    assert view.current() is None, "the filter hides a slice without labels"
    widget.page.slices.set_filter("all")
    assert view.current() == 0


def test_the_viewers_slice_stays_seen_where_the_table_becomes_lower(widget, empty, qtbot):
    view = widget.page.slices.view
    widget.page.slices.set_filter("all")
    last = view.model().rowCount() - 1
    view.resize(300, 22 * (last + 4))
    empty.dims.set_current_step(0, last)
    view.resize(300, 90)
    assert view.current() == last
    assert view.viewport().rect().contains(view.visualRect(view.currentIndex()).center())
