from __future__ import annotations

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_osuda.widgets.cockpit.cockpit import cockpit_of
from napari_osuda.widgets.cockpit.docked import DockedWidget


class Panel(DockedWidget):
    def __init__(self, viewer):
        super().__init__(viewer)
        self.torn, self.themes = 0, []

    def tear_down(self):
        self.torn += 1

    def set_colors(self, colors):
        self.themes.append(colors.dark)


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


def test_a_panel_that_is_taken_out_of_its_dock_ends_once(viewer, qtbot):
    dock = QWidget()
    qtbot.addWidget(dock)
    panel = Panel(viewer)
    panel.setParent(dock)
    assert not panel.torn
    panel.setParent(None)
    assert panel.torn == 1
    panel.end()
    assert panel.torn == 1


def test_a_panel_that_is_no_longer_there_follows_no_theme(viewer, qtbot):
    panel = Panel(viewer)
    qtbot.addWidget(panel)
    viewer.theme = "light"
    viewer.theme = "dark"
    assert panel.themes == [False, True]
    panel.close()
    viewer.theme = "light"
    assert panel.themes == [False, True]


def test_panels_of_one_viewer_share_a_cockpit_which_goes_with_the_last(viewer, qtbot):
    first, second = Panel(viewer), Panel(viewer)
    for panel in (first, second):
        qtbot.addWidget(panel)
    cockpit = first.cockpit
    assert second.cockpit is cockpit
    first.close()
    assert cockpit_of(viewer) is cockpit
    second.close()
    assert cockpit_of(viewer) is not cockpit
    cockpit_of(viewer).close()
