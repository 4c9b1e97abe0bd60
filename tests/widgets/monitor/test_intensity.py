from __future__ import annotations

import io

import numpy as np
from monitor_parts import CLASSES

from napari_osuda.session.events import IntensityChange
from napari_osuda.widgets.cockpit.history import RunHistory


def change(now=None):
    scores = np.linspace(-3, 3, 7, dtype=np.float32)
    share = np.array([0, 0.1, 0.2, 0.4, 0.2, 0.1, 0], np.float32)
    return IntensityChange("t2", scores, share, -scores, -scores if now is None else now)


def begin(monitor, reported, *changes):
    layers, reports = reported
    history = RunHistory(layers, CLASSES, len(reports), changes)
    monitor.cockpit.history = history
    monitor.cockpit.began.emit(history)
    return monitor.panels["intensity"]


def test_the_curve_is_there_before_the_first_iteration(monitor, reported):
    panel = begin(monitor, reported, change())
    assert panel.wanted
    np.testing.assert_array_equal(panel.now.getData()[1], change().now)
    # It is where it began: one line is enough.
    assert not panel.beginning.isVisible()
    assert "began" not in panel.legend.text()


def test_a_curve_that_has_moved_is_shown_with_its_beginning(monitor, reported):
    panel = begin(monitor, reported, change(now=np.zeros(7, np.float32)))
    assert panel.beginning.isVisible()
    assert "began" in panel.legend.text()
    written = io.StringIO()
    panel.numbers(written)
    assert len(written.getvalue().splitlines()) == 8


def test_without_a_conversion_there_is_no_such_plot(monitor, reported):
    panel = begin(monitor, reported, change())
    assert begin(monitor, reported) is panel
    assert not panel.wanted
    assert panel.isHidden()


def test_each_converted_channel_can_be_chosen(monitor, reported):
    one, other = change(), change(now=np.zeros(7, np.float32))
    same = IntensityChange("t1", one.scores, one.share, one.scores, one.scores)
    other = IntensityChange("flair", other.scores, other.share, other.beginning, other.now)
    panel = begin(monitor, reported, same, one, other)
    assert panel.channel.currentText() == "T2"
    assert panel.channel.itemText(0) == "T1: not converted"
    panel.channel.setCurrentIndex(2)
    np.testing.assert_array_equal(panel.now.getData()[1], other.now)
    assert panel.legend.text().startswith("FLAIR")


def test_the_words_follow_the_theme(monitor, reported):
    panel = begin(monitor, reported, change())
    monitor.viewer.theme = "light"
    assert monitor.colors().blue in panel.legend.text()
