from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.widgets.qt.column import Column, scrolled
from napari_osuda.widgets.qt.wheel import WheelScrolls


def combo():
    box = QComboBox()
    box.addItems(["axial", "sagittal", "coronal"])
    box.setCurrentIndex(1)
    return box, box.currentIndex


def spin(kind):
    box = kind()
    box.setValue(5)
    return box, box.value


MAKERS = {
    "combo": combo,
    "editable combo": lambda: (box := combo()[0], box.setEditable(True), box.currentIndex)[::2],
    "spin": lambda: spin(QSpinBox),
    "double spin": lambda: spin(QDoubleSpinBox),
    "slider": lambda: spin(QSlider),
}


@pytest.fixture
def panel(qtbot):
    """A panel that scrolls, its area, and the layout of its inside."""
    outer = QWidget()
    qtbot.addWidget(outer)
    inside = Column()
    layout = QVBoxLayout(inside)
    area = scrolled(inside)
    QVBoxLayout(outer).addWidget(area)
    outer.resize(200, 120)
    window = QWidget()
    qtbot.addWidget(window)
    QVBoxLayout(window).addWidget(outer)
    WheelScrolls(outer)
    window.show()
    qtbot.waitExposed(window)
    return window, area, layout


def turn_wheel(widget):
    """As the mouse would, over the middle of a widget."""
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle,
        widget.mapToGlobal(middle),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize("focus", [False, True])
@pytest.mark.parametrize("kind", MAKERS)
def test_the_wheel_over_a_box_scrolls_the_panel_and_changes_nothing(panel, qtbot, kind, focus):
    _, area, layout = panel
    holder = QWidget()
    box, value = MAKERS[kind]()
    QVBoxLayout(holder).addWidget(box)
    # Added when the panel has long been watched, and deep in it.
    layout.addWidget(holder)
    layout.addWidget(QLabel("\n" * 60))
    qtbot.waitUntil(lambda: box.isVisible() and area.verticalScrollBar().maximum() > 0)
    if focus:
        box.setFocus()
    before = value()
    turn_wheel(box)
    assert value() == before
    assert area.verticalScrollBar().value() > 0


def test_an_open_list_scrolls_as_ever(panel, qtbot):
    _, _, layout = panel
    box = QComboBox()
    box.addItems([str(i) for i in range(200)])
    box.setMaxVisibleItems(5)
    layout.addWidget(box)
    qtbot.waitUntil(box.isVisible)
    box.showPopup()
    view = box.view()
    qtbot.waitUntil(view.isVisible)
    turn_wheel(view.viewport())
    assert view.verticalScrollBar().value() > 0
    assert box.currentIndex() == 0
    box.hidePopup()
