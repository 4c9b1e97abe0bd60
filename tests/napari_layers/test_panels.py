from __future__ import annotations

import pytest

from napari_osuda.napari_layers.panels import open_panel

pytestmark = pytest.mark.viewer


def test_a_panel_is_opened_once_whoever_opens_it(make_napari_viewer):
    viewer = make_napari_viewer()
    first = open_panel(viewer, "OSUDA: Planes")
    assert open_panel(viewer, "OSUDA: Planes") is first
    # napari's menu knows it by the title of the plugin.
    assert list(viewer.window.dock_widgets) == ["OSUDA: Planes (OSUDA)"]
    assert first.parent().windowTitle() == "Planes"
    viewer.window.remove_dock_widget(first)
    _, other = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Planes")
    assert open_panel(viewer, "OSUDA: Planes") is other
    viewer.window.remove_dock_widget(other)
