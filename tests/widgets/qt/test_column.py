from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.column import Column, row_of, scrolled
from napari_osuda.widgets.qt.words import WrappedLabel


def test_a_column_is_as_high_as_its_wrapped_texts_need(qtbot):
    column = Column()
    layout = QVBoxLayout(column)
    layout.addWidget(WrappedLabel("a text that wraps in a narrow dock " * 10))
    area = scrolled(column)
    qtbot.addWidget(area)
    area.resize(600, 400)
    area.show()
    qtbot.waitExposed(area)
    assert column.minimumHeight() == layout.totalHeightForWidth(column.width())
    wide = column.minimumHeight()
    area.resize(200, 400)
    qtbot.waitUntil(lambda: column.minimumHeight() > wide, timeout=60_000)
    assert column.minimumHeight() == layout.totalHeightForWidth(column.width())


def test_a_row_may_become_narrower_than_its_texts(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    buttons = [QPushButton("a button with a long title") for _ in range(3)]
    widget.setLayout(row_of(*buttons))
    assert widget.layout().count() == 3
    assert all(button.minimumWidth() == 1 for button in buttons)
