from __future__ import annotations

from types import SimpleNamespace

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_osuda.widgets.qt.window import below, below_or_shared, main_window_of, real_viewer, share_place

RIGHT, LEFT = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.LeftDockWidgetArea
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea


@pytest.fixture
def window(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(QWidget())
    return window


def docked(window, title, area=RIGHT):
    dock = QDockWidget(title, window)
    widget = QWidget()
    dock.setWidget(widget)
    # As napari has it: the dock is the widget's parent.
    widget.setParent(dock)
    window.addDockWidget(area, dock)
    return widget


def test_panels_of_ours_on_one_side_are_tabs_of_one_place(window):
    first, second = docked(window, "OSUDA: Adapt"), docked(window, "OSUDA: Review")
    other, far = docked(window, "layer list"), docked(window, "OSUDA: Monitor", LEFT)
    share_place(second)
    assert window.tabifiedDockWidgets(second.parent()) == [first.parent()]
    for alone in (other, far):
        assert not window.tabifiedDockWidgets(alone.parent())


def test_a_floating_panel_is_no_place_to_share(window):
    first, second = docked(window, "OSUDA: Adapt"), docked(window, "OSUDA: Review")
    first.parent().setFloating(True)
    share_place(second)
    assert not window.tabifiedDockWidgets(second.parent())


@pytest.mark.parametrize(("height", "area"), [(1000, BOTTOM), (700, RIGHT)])
def test_a_panel_lies_below_the_picture_where_there_is_room(window, height, area):
    first, monitor = docked(window, "OSUDA: Adapt"), docked(window, "OSUDA: Monitor")
    window.resize(1200, height)
    below_or_shared(monitor)
    assert window.dockWidgetArea(monitor.parent()) == area
    assert window.tabifiedDockWidgets(monitor.parent()) == ([] if area == BOTTOM else [first.parent()])


def test_what_is_docked_nowhere_stays_where_it_is(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    share_place(widget)
    below_or_shared(widget)
    assert widget.parent() is None
    assert main_window_of(widget) is None


def test_the_window_of_a_floating_dock_is_still_its_window(window):
    widget = docked(window, "OSUDA: Adapt")
    widget.parent().setFloating(True)
    assert main_window_of(widget) is window


def test_the_viewer_behind_a_proxy_is_found():
    viewer = object()
    assert real_viewer(SimpleNamespace(__wrapped__=viewer)) is viewer
    assert real_viewer(viewer) is viewer


@pytest.mark.parametrize("place", [share_place, below])
def test_a_window_that_grew_for_a_new_panel_is_as_it_was_once_that_has_its_place(window, qtbot, place):
    docked(window, "OSUDA: Adapt").setMinimumHeight(400)
    window.resize(900, 500)
    window.show()
    size = window.size()
    panel = docked(window, "OSUDA: Planes")
    panel.window_size = size
    panel.setMinimumHeight(300)
    qtbot.waitUntil(lambda: window.height() > size.height())
    panel.setMinimumHeight(50)
    place(panel)
    qtbot.waitUntil(lambda: window.size() == size)
