"""What is opened is seen."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

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
