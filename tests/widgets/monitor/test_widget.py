from __future__ import annotations

import csv
import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication

from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.monitor.cells import arranged, picture_of
from napari_osuda.widgets.monitor.widget import MonitorWidget
from napari_osuda.widgets.qt.theme import palette

CLASSES = ((0, "background", "#000000"), (2, "edema", "#e69f00"), (5, "core", "#56b4e9"))


@pytest.fixture
def monitor(qtbot):
    viewer = ViewerModel()
    widget = MonitorWidget(viewer)
    widget.resize(320, 1000)
    widget.show()
    qtbot.waitExposed(widget)
    yield widget
    widget.close()
    widget.deleteLater()


def shown(history, column, row=-1):
    """What a map in the network's order shows."""
    return picture_of(history[column][row], arranged(history.layers)[1])


def told(monitor, reported, count=None):
    """Let the cockpit tell the monitor of a run."""
    layers, reports = reported
    history = RunHistory(layers, CLASSES, len(reports))
    monitor.cockpit.history = history
    monitor.cockpit.began.emit(history)
    for report in reports[:count]:
        history.add(report)
    for panel in monitor.panels.values():
        panel.refresh()
    return history


def test_curves_show_what_was_reported(monitor, reported):
    history = told(monitor, reported)
    losses = monitor.panels["losses"]
    for curve, expected in zip(
        losses.curves, (history["l_hbs"], history["lam"] * history["l_se"], history["loss"]), strict=True
    ):
        np.testing.assert_allclose(curve.getData()[1], expected, rtol=1e-6)
    assert f"{history['loss'][-1]:.3g}" in losses.legend.text()
    classes = monitor.panels["classes"]
    assert [series.name for series in classes.series] == ["edema", "core"]
    assert [series.color for series in classes.series] == ["#e69f00", "#56b4e9"]
    np.testing.assert_allclose(classes.curves[1].getData()[1], 100 * history["class_fractions"][:, 2])


def test_items_are_updated_in_place(monitor, reported):
    history = told(monitor, reported, count=2)
    curves, image = list(monitor.panels["losses"].curves), monitor.panels["distance"].image
    items = len(monitor.panels["losses"].view.box.addedItems)
    for report in reported[1][2:]:
        history.add(report)
    for panel in monitor.panels.values():
        panel.refresh()
    assert monitor.panels["losses"].curves == curves
    assert len(monitor.panels["losses"].view.box.addedItems) == items
    assert len(curves[0].getData()[0]) == len(reported[1])
    np.testing.assert_array_equal(image.image, shown(history, "distance"))


def test_the_timer_draws_what_is_in_sight(monitor, reported, qtbot):
    layers, reports = reported
    history = RunHistory(layers, CLASSES, len(reports))
    monitor.cockpit.history = history
    monitor.cockpit.began.emit(history)
    history.add(reports[0])
    qtbot.waitUntil(lambda: monitor.panels["losses"].curves[0].getData()[0] is not None)
    assert monitor._timer.interval() >= 100
    assert monitor.panels["layers"].curves[0].getData()[0] is None, "drawn though scrolled out of sight"


def test_where_drawing_is_slow_the_monitor_rests_until_the_run_has_ended(monitor, reported, monkeypatch):
    layers, reports = reported
    monkeypatch.setattr(type(monitor.cockpit), "busy", True)
    monitor._timer.stop()
    history = RunHistory(layers, CLASSES, len(reports))
    monitor.cockpit.history = history
    monitor.cockpit.began.emit(history)
    history.add(reports[0])
    monitor._rest(60.0)
    monitor._on_time()
    losses = monitor.panels["losses"].curves[0]
    assert losses.getData()[0] is None
    monkeypatch.setattr(type(monitor.cockpit), "busy", False)
    monitor.cockpit.ended.emit(None)
    monitor._on_time()
    assert len(losses.getData()[0]) == 1


def test_while_someone_scrolls_through_the_slices_the_plots_stand_still(monitor, reported, qtbot):
    layers, reports = reported
    monitor.viewer.add_image(np.zeros((9, 8, 8), np.float32))
    monitor._timer.stop()
    history = RunHistory(layers, CLASSES, len(reports))
    monitor.cockpit.history = history
    monitor.cockpit.began.emit(history)
    history.add(reports[0])
    monitor.viewer.dims.set_current_step(0, 2)
    monitor._on_time()
    losses = monitor.panels["losses"].curves[0]
    assert losses.getData()[0] is None
    monitor._timer.start()
    qtbot.waitUntil(lambda: losses.getData()[0] is not None)


def test_a_player_that_never_rests_does_not_stop_the_plots_for_ever(monitor, reported, monkeypatch):
    layers, reports = reported
    clock = [100.0]
    monkeypatch.setattr("napari_osuda.widgets.monitor.widget.time.monotonic", lambda: clock[0])
    monitor._timer.stop()
    history = RunHistory(layers, CLASSES, len(reports))
    monitor.cockpit.history = history
    monitor.cockpit.began.emit(history)
    history.add(reports[0])
    for _ in range(49):
        monitor._on_scrolling()
        monitor._on_time()
        clock[0] += 0.1
    losses = monitor.panels["losses"].curves[0]
    assert losses.getData()[0] is None
    for _ in range(3):
        monitor._on_scrolling()
        monitor._on_time()
        clock[0] += 0.1
    assert losses.getData()[0] is not None


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


def test_a_logarithmic_scale_has_its_values_at_the_bar(monitor, reported):
    history = told(monitor, reported)
    for name, middle in (("distance", None), ("alpha", 1.0)):
        panel = monitor.panels[name]
        panel.scale.setCurrentIndex(1)
        picture = shown(history, name)
        np.testing.assert_allclose(
            panel.image.image, np.log(np.maximum(picture, panel.floor)), rtol=1e-5, atol=1e-6
        )
        low, mid, high = panel.bar.values
        np.testing.assert_allclose(np.log([low, high]), panel.image.levels, rtol=1e-6, atol=1e-9)
        assert mid == pytest.approx(middle or np.sqrt(low * high))


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


def test_entropy_is_told_in_nats_and_as_a_share(monitor, reported):
    history = told(monitor, reported)
    panel = monitor.panels["entropy"]
    np.testing.assert_allclose(panel.curves[0].getData()[1], history["l_se"])
    np.testing.assert_allclose(panel.curves[1].getData()[1], history["l_se"] / np.log(3), rtol=1e-6)


def test_boxes_hold_the_middle_half_of_a_layers_channels(monitor, reported):
    history = told(monitor, reported)
    panel = monitor.panels["distribution"]
    layer = history.layers[2]
    d = history["distance"][-1, layer.offset : layer.offset + layer.channels]
    np.testing.assert_allclose(panel.quantiles()[:, 2], np.quantile(d, (0.05, 0.25, 0.5, 0.75, 0.95)))
    assert panel.boxes.opts["y0"][2] == pytest.approx(np.quantile(d, 0.25))
    panel.point_at(3.1, 0)
    assert layer.name in panel.legend.text()


def test_a_plot_is_copied_as_picture_and_numbers(monitor, reported):
    history = told(monitor, reported)
    monitor.panels["losses"].buttons["Copy"].click()
    held = QApplication.clipboard().mimeData()
    assert held.hasImage()
    header, *rows = (line.split("\t") for line in held.text().splitlines())
    assert header[0] == "t"
    assert len(rows) == len(history)
    assert float(rows[2][3]) == pytest.approx(float(history["loss"][2]), rel=1e-6)


def test_pointing_at_a_curve_tells_the_values_of_that_iteration(monitor, reported):
    history = told(monitor, reported)
    panel = monitor.panels["losses"]
    panel.point_at(2.2, 0)
    assert "t = 2" in panel.legend.text()
    assert f"{history['loss'][2]:.3g}" in panel.legend.text()
    panel.point_away()
    assert "t = " not in panel.legend.text()


def test_plots_follow_the_theme(monitor, reported):
    told(monitor, reported)
    viewer = monitor.viewer
    for theme in ("light", "dark"):
        viewer.theme = theme
        for panel in monitor.panels.values():
            assert panel.view.backgroundBrush().color().name() == palette(theme).background
    assert monitor.panels["losses"].curves[0].opts["pen"].color().name() == palette("dark").blue


def test_every_plot_is_saved_as_picture_and_numbers(monitor, reported, tmp_path):
    history = told(monitor, reported)
    for name, panel in monitor.panels.items():
        panel.save_png(tmp_path / f"{name}.png")
        panel.save_csv(tmp_path / f"{name}.csv")
        picture = QImage(str(tmp_path / f"{name}.png"))
        assert picture.width() == 2 * panel.figure.width()
        with open(tmp_path / f"{name}.csv", encoding="utf-8") as stream:
            header, *rows = csv.reader(stream)
        assert all(len(row) == len(header) for row in rows)
    assert len(rows) == len(history)
    with open(tmp_path / "alpha.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == history.channels
    np.testing.assert_allclose([float(row["t=5"]) for row in rows], history["alpha"][5], rtol=1e-6)


def test_one_column_when_narrow_and_several_when_wide(monitor, qtbot):
    first, second = monitor.panels["losses"], monitor.panels["schedules"]
    assert (
        first.mapTo(monitor, first.rect().topLeft()).x() == second.mapTo(monitor, second.rect().topLeft()).x()
    )
    assert monitor.scroller.widget().width() <= 320
    monitor.resize(1400, 900)
    qtbot.waitUntil(
        lambda: (
            first.mapTo(monitor, first.rect().topLeft()).y()
            == second.mapTo(monitor, second.rect().topLeft()).y()
        )
    )


def test_a_run_without_steps_leaves_empty_plots(monitor, reported):
    told(monitor, (reported[0], []))
    told(monitor, ((), []))
    assert not any(
        button.isEnabled() for panel in monitor.panels.values() for button in panel.buttons.values()
    )


def test_a_monitor_that_opens_late_shows_the_run(monitor, reported, qtbot):
    history = told(monitor, reported)
    late = MonitorWidget(monitor.viewer)
    assert late.cockpit is monitor.cockpit
    assert late.panels["losses"].history is history
    late.close()
    late.deleteLater()


def test_importing_the_widgets_loads_no_torch():
    code = (
        "import sys, napari_osuda.widgets, napari_osuda.widgets.adapt, napari_osuda.widgets.monitor; "
        "sys.exit(int('torch' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
