from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
from monitor_parts import CLASSES, shown, told

from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.monitor.widget import MonitorWidget


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


def test_the_first_line_says_that_a_short_run_is_over(monitor, reported):
    history = told(monitor, reported, count=1)
    monitor.cockpit.began.emit(history)
    assert "Just begun" in monitor.course.text()
    monitor.cockpit.ended.emit(None)
    assert "Too short to say how it went" in monitor.course.text()
    monitor.cockpit.began.emit(history)
    assert "Just begun" in monitor.course.text()


def test_a_steady_training_gets_no_tick_where_the_adapted_mask_is_not_recommended(monitor, reported):
    history = told(monitor, reported, count=1)
    history.iterations = 1
    monitor.cockpit.began.emit(history)
    advice = SimpleNamespace(decision="neither", removed=0)
    monitor.cockpit.result = SimpleNamespace(recommendation=advice, folder=None)
    monitor.cockpit.ended.emit(monitor.cockpit.result)
    assert "<b>Trust neither mask: mark by hand</b>" in monitor.course.text()
    assert "✔" not in monitor.course.text()
    advice.decision = "accept"
    monitor.cockpit.ended.emit(monitor.cockpit.result)
    assert "mask" not in monitor.course.text()
    monitor.cockpit.result = None


def test_the_first_line_says_whose_run_it_is(monitor, reported, monkeypatch):
    history = told(monitor, reported, count=1)
    monitor.cockpit.began.emit(history)
    assert not monitor.course.text().endswith(")")
    monkeypatch.setattr(type(monitor.cockpit), "case", "patient <7>")
    monitor.cockpit.ended.emit(None)
    assert monitor.course.text().endswith(" (patient &lt;7&gt;)")
    # Its curves stay when its images are gone.
    monitor.cockpit.left.emit()
    assert monitor.course.text().endswith(" (patient &lt;7&gt;)")


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


def test_while_someone_scrolls_through_the_slices_the_plots_stand_still(monitor, reported, monkeypatch):
    layers, reports = reported
    clock = [100.0]
    monkeypatch.setattr("napari_osuda.widgets.monitor.widget.time.monotonic", lambda: clock[0])
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
    clock[0] += 1.0
    monitor._on_time()
    assert losses.getData()[0] is not None


def test_no_iteration_waits_for_half_a_second_however_many_slices_follow_each_other(
    monitor, reported, monkeypatch
):
    layers, reports = reported
    clock = [100.0]
    monkeypatch.setattr("napari_osuda.widgets.monitor.widget.time.monotonic", lambda: clock[0])
    monitor._timer.stop()
    history = RunHistory(layers, CLASSES, len(reports))
    monitor.cockpit.history = history
    monitor.cockpit.began.emit(history)
    history.add(reports[0])
    for _ in range(4):
        monitor._on_scrolling()
        monitor._on_time()
        clock[0] += 0.1
    losses = monitor.panels["losses"].curves[0]
    assert losses.getData()[0] is None
    for _ in range(2):
        monitor._on_scrolling()
        monitor._on_time()
        clock[0] += 0.1
    assert losses.getData()[0] is not None


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
