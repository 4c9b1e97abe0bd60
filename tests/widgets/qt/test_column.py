from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QPushButton, QTableWidget, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.column import ButtonRows, Column, scrolled
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


def test_what_does_not_wrap_is_not_cut_at_the_right(qtbot):
    column = Column()
    layout = QVBoxLayout(column)
    box = QCheckBox("words in one line")
    box.setMinimumWidth(275)
    layout.addWidget(box)
    layout.addWidget(WrappedLabel("so high that a scroll bar is needed " * 40))
    area = scrolled(column)
    qtbot.addWidget(area)
    area.show()
    qtbot.waitUntil(lambda: area.minimumWidth() > 275)
    area.resize(area.minimumWidth(), 120)
    qtbot.waitUntil(lambda: area.verticalScrollBar().isVisible())
    assert box.visibleRegion().boundingRect().width() == box.width()
    box.setMinimumWidth(900)
    qtbot.waitUntil(lambda: column.layout().totalMinimumSize().width() > 900)
    assert area.minimumWidth() <= 320


def test_buttons_go_into_as_many_rows_as_their_words_need(qtbot):
    buttons = [QPushButton(title) for title in ("Open images", "Open sample", "Recent runs", "Stop")]
    rows = ButtonRows(*buttons)
    qtbot.addWidget(rows)
    rows.show()
    widest = max(button.sizeHint().width() for button in buttons)
    for columns, width in ((4, 6 * widest), (2, 3 * widest + 4), (1, widest + 10)):
        rows.resize(width, 200)
        qtbot.waitUntil(lambda n=columns: len({button.x() for button in buttons}) == n, timeout=60_000)
        assert all(button.width() >= button.sizeHint().width() for button in buttons)


def test_a_button_that_gets_longer_words_is_not_cut(qtbot):
    buttons = [QPushButton("Pause"), QPushButton("Stop")]
    rows = ButtonRows(*buttons)
    qtbot.addWidget(rows)
    rows.resize(300, 100)
    rows.show()
    assert buttons[0].y() == buttons[1].y()
    buttons[0].setText("Pause after this iteration, and wait for me")
    qtbot.waitUntil(lambda: buttons[0].y() != buttons[1].y(), timeout=60_000)


def test_rows_have_their_height_at_each_width_at_once(qtbot):
    """A dock that is made narrower and wider again cuts no button and leaves no gap."""
    holder = QWidget()
    rows = ButtonRows(*(QPushButton(f"All undecided: use the mask {number}") for number in range(2)))
    layout = QVBoxLayout(holder)
    layout.addWidget(QTableWidget(), 1)
    layout.addWidget(rows)
    qtbot.addWidget(holder)
    holder.show()
    buttons = rows.findChildren(QPushButton)
    narrow, wide = (n * (buttons[0].sizeHint().width() + 40) for n in (1, 2))
    for width, count in ((narrow, 2), (wide, 1), (narrow, 2), (wide, 1)):
        holder.resize(width, 400)
        qtbot.waitUntil(lambda n=count: len({button.y() for button in buttons}) == n, timeout=60_000)
        height = buttons[0].sizeHint().height()
        qtbot.waitUntil(lambda h=count * height + (count - 1) * 4: rows.height() == h)
        assert all(button.height() == height for button in buttons)
