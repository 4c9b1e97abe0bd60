"""A Monitor that is told of a run, and what its maps show."""

from __future__ import annotations

from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.monitor.cells import arranged, picture_of

CLASSES = ((0, "background", "#000000"), (2, "edema", "#e69f00"), (5, "core", "#56b4e9"))


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
