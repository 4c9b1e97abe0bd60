from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import numpy as np
import pytest
from monitor_parts import told
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QApplication

from napari_osuda.widgets.monitor.plot import PlotPanel
from napari_osuda.widgets.qt.theme import palette


def test_a_plot_is_copied_as_picture_and_numbers(monitor, reported):
    history = told(monitor, reported)
    monitor.panels["losses"].buttons["Copy"].click()
    held = QApplication.clipboard().mimeData()
    assert held.hasImage()
    header, *rows = (line.split("\t") for line in held.text().splitlines())
    assert header[0] == "t"
    assert len(rows) == len(history)
    assert float(rows[2][3]) == pytest.approx(float(history["loss"][2]), rel=1e-6)


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
        if not panel.wanted:
            continue
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


def test_no_cell_of_a_plots_table_is_a_formula() -> None:
    panel = SimpleNamespace(table=lambda: (["t", "=HYPERLINK(1)"], [[0, "@x"], [-1.5, "+1"]]))
    stream = io.StringIO()
    PlotPanel.numbers(panel, stream, lineterminator="\n")
    assert stream.getvalue() == "t,'=HYPERLINK(1)\n0,'@x\n-1.5,+1\n"


def test_a_plot_is_seen_whole_at_every_width(monitor, qtbot):
    """Also where the dock becomes wider and the window higher in one go."""
    area = monitor.scroller
    area.setParent(None)
    qtbot.addWidget(area)
    area.show()
    for width, height in ((420, 600), (320, 600), (420, 900), (700, 600), (320, 900), (700, 900)):
        area.resize(width, height)
        qtbot.waitUntil(lambda: all(_whole(panel) for panel in monitor.panels.values()), timeout=60_000)


def _whole(panel):
    bottom = panel.view.mapTo(panel, panel.view.rect().bottomLeft()).y()
    return panel.isHidden() or (
        bottom < panel.height() and panel.view.height() == panel.view.heightForWidth(panel.view.width())
    )
