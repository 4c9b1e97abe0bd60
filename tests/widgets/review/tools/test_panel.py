from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_osuda.session.review.tools.use import Scope, Tool
from napari_osuda.widgets.qt.wheel import WheelScrolls
from napari_osuda.widgets.review.tools.panel import ToolPanel


@pytest.fixture
def panel(qtbot) -> ToolPanel:
    panel = ToolPanel()
    qtbot.addWidget(panel)
    panel.set_labels({0: "background", 1: "core", 3: "edema"})
    return panel


def test_a_use_holds_the_numbers_of_its_tool_alone(panel):
    panel.label.setCurrentIndex(2)
    panel.set_range(10, 50)
    uses = {tool: panel.use(tool, "flair") for tool in Tool}
    assert {use.label for use in uses.values()} == {3}
    assert {use.scope for use in uses.values()} == {Scope.SLICE}
    assert [tool for tool, use in uses.items() if use.ml is not None] == [Tool.REMOVE_ISLANDS]
    assert [tool for tool, use in uses.items() if use.mm is not None] == [Tool.SMOOTH, Tool.GROW]
    assert [tool for tool, use in uses.items() if use.low is not None] == [Tool.GROW, Tool.PAINT_IN_RANGE]


def test_the_chosen_label_stays_when_labels_are_added(panel):
    assert panel.labels == {1: "core", 3: "edema"}
    panel.label.setCurrentIndex(1)
    panel.set_labels({1: "core", 3: "edema", 7: "label 7"})
    assert panel.label.currentData() == 1
    panel.set_labels({3: "edema"})
    assert panel.label.currentData() is None


def test_a_range_is_shown_in_as_many_digits_as_tell_its_ends_apart(panel):
    assert not panel.has_range
    for low, high in ((0.011, 0.019), (1.2, 1.9), (3.0, 90.0), (100.0, 4000.0)):
        panel.set_range(low, high)
        assert panel.has_range
        assert panel.range == pytest.approx((low, high))
        shown = [label.text() for label in panel.intensity._handle_labels]
        assert shown[0] != shown[1]


def test_a_range_stays_when_another_image_has_other_ends(panel):
    panel.set_ends(0, 4000)
    assert not panel.has_range
    panel.intensity.setValue((100, 900))
    panel.set_ends(200, 500)
    assert panel.range == (100, 900)
    assert (panel.intensity.minimum(), panel.intensity.maximum()) == (100, 900)
    for ends in ((float("nan"), 5), (7, 7)):
        panel.set_ends(*ends)
    assert panel.range == (100, 900)


def test_the_wheel_over_the_range_changes_nothing(panel, qtbot):
    panel.set_ends(0, 100)
    panel.set_range(20, 80)
    # A window of its own is not watched.
    holder = QWidget()
    panel.setParent(holder)
    WheelScrolls(panel)
    at = QPointF(5, 5)
    for widget in (panel.intensity, *panel.intensity.findChildren(QWidget)):
        wheel = QWheelEvent(
            at,
            widget.mapToGlobal(at),
            QPoint(),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, wheel)
    assert panel.range == (20, 80)
    panel.setParent(None)
