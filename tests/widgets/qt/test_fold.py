"""What is opened is seen."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.column import scrolled
from napari_osuda.widgets.qt.fold import Fold


def test_what_a_click_opens_is_scrolled_into_sight_and_what_code_opens_is_not(qtbot):
    inside = QWidget()
    column = QVBoxLayout(inside)
    above, fold, content = QLabel("above"), Fold("More"), QLabel("more")
    above.setFixedHeight(180)
    content.setFixedHeight(150)
    fold.addWidget(content)
    column.addWidget(above)
    column.addWidget(fold)
    column.addStretch(1)
    area = scrolled(inside)
    qtbot.addWidget(area)
    area.resize(200, 220)
    area.show()
    fold.expand(animate=False)
    qtbot.wait(20)
    assert area.verticalScrollBar().value() == 0
    fold.toggleButton().click()
    fold.toggleButton().click()
    qtbot.waitUntil(lambda: area.verticalScrollBar().value() > 0)
    qtbot.waitUntil(lambda: content.visibleRegion().boundingRect() == content.rect())


def test_the_tab_key_leads_only_to_fields_that_are_seen(qtbot):
    window = QWidget()
    column = QVBoxLayout(window)
    fold, inside, after = Fold("More"), QLineEdit(), QLineEdit()
    fold.addWidget(inside)
    column.addWidget(fold)
    column.addWidget(after)
    qtbot.addWidget(window)
    window.show()
    title = fold.toggleButton()
    for _ in range(2):
        for opened, first in ((False, after), (True, inside)):
            if fold.isExpanded() != opened:
                title.click()
            title.setFocus()
            QTest.keyClick(title, Qt.Key.Key_Tab)
            assert window.focusWidget() is first
            assert inside.isVisible() is opened
