from __future__ import annotations

import dataclasses

import numpy as np
from monitor_parts import shown, told
from qtpy.QtCore import QPointF, Qt


def test_pointing_at_a_cell_tells_its_channel(monitor, reported, qtbot):
    history = told(monitor, reported)
    panel = monitor.panels["distance"]
    layer = history.layers[2]
    with qtbot.waitSignal(panel.pointed) as pointed:
        panel.point_at(3.4, 2.6)
    assert pointed.args == [layer.offset + 3]
    text = panel.legend.text()
    for part in (layer.name, layer.kind, "channel 3", f"{history['distance'][-1, layer.offset + 3]:.3g}"):
        assert part in text
    panel.point_at(history.layers[0].channels + 0.5, 0.5)
    assert layer.name not in panel.legend.text(), "beyond the end of a layer there is no channel"


def test_cursor_keys_go_from_channel_to_channel_and_enter_picks_one(monitor, reported, qtbot):
    history = told(monitor, reported)
    panel = monitor.panels["alpha"]
    panel.view.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        qtbot.keyClick(panel.view, key)
    assert panel._cell == (1, 2)
    with qtbot.waitSignal(panel.picked) as picked:
        qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert picked.args == [history.layers[1].offset + 2]


def test_a_click_picks_the_channel_under_the_mouse(monitor, reported, qtbot):
    history = told(monitor, reported)
    panel = monitor.panels["distance"]
    monitor.scroller.ensureWidgetVisible(panel)
    point = panel.view.mapFromScene(panel.view.box.mapViewToScene(QPointF(1.5, 3.5)))
    with qtbot.waitSignal(panel.picked) as picked:
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    assert picked.args == [history.layers[3].offset + 1]


def test_by_distance_the_farthest_come_first_and_keep_their_names(monitor, reported):
    history = told(monitor, reported)
    panel = monitor.panels["distance"]
    panel.order.setCurrentIndex(1)
    means = np.nanmean(panel.image.image, axis=1)
    assert (np.diff(means) <= 1e-6).all()
    assert (np.diff(panel.image.image, axis=1)[~np.isnan(np.diff(panel.image.image, axis=1))] <= 0).all()
    panel.point_at(0.5, 0.5)
    d = history["distance"][-1]
    farthest = max(history.layers, key=lambda la: d[la.offset : la.offset + la.channels].mean())
    n = farthest.offset + int(d[farthest.offset : farthest.offset + farthest.channels].argmax())
    assert f"<b>{history.layers.index(farthest) + 1}. {farthest.name}</b>" in panel.legend.text()
    assert f"channel {n - farthest.offset} of" in panel.legend.text()
    assert f"d {d[n]:.3g}" in panel.legend.text()
    panel.order.setCurrentIndex(0)
    np.testing.assert_array_equal(panel.image.image, shown(history, "distance"))


def test_dead_channels_are_marked(monitor, reported):
    layers, reports = reported
    dead = np.zeros(sum(layer.channels for layer in layers), bool)
    dead[[layers[1].offset + 2, layers[2].offset]] = True
    marked = [dataclasses.replace(report, dead=dead) for report in reports]
    told(monitor, (layers, marked))
    panel = monitor.panels["alpha"]
    assert {(point.pos().x(), point.pos().y()) for point in panel.dead.points()} == {(2.5, 1.5), (0.5, 2.5)}
    assert "2 dead" in panel.legend.text()
    panel.point_at(2.5, 1.5)
    assert "dead" in panel.legend.text()
