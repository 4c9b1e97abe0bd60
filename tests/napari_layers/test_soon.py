"""What waits for Qt's next turn is done then, and not at all once what it belongs to is gone."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path
from weakref import ref

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QObject, QTimer
from qtpy.QtWidgets import QLabel, QWidget

import napari_osuda
from napari_osuda.napari_layers.soon import soon, soon_in

PACKAGE = Path(napari_osuda.__file__).parent
# An event of Python's own, and a collection: neither is Qt's to delete.
OWNERLESS = {"feed.py": 2, "garbage.py": 1}


class Panel(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.label, self.calls = QLabel("", self), 0

    def call(self) -> None:
        self.calls += 1
        self.label.setText("called")


def turns(qtbot: object) -> None:
    """Qt's turns up to one that is asked for now."""
    over: list[bool] = []
    QTimer.singleShot(1, lambda: over.append(True))
    qtbot.waitUntil(lambda: bool(over))


def delete(owner: QObject) -> None:
    owner.deleteLater()
    QCoreApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete)


def test_it_is_called_once_at_qts_next_turn_and_its_timer_goes(qtbot):
    panel = Panel()
    qtbot.addWidget(panel)
    soon(panel, panel.call)
    soon(panel, lambda: panel.call())
    gc.collect()
    assert panel.calls == 0
    qtbot.waitUntil(lambda: panel.calls == 2 and not panel.findChildren(QTimer))
    assert panel.label.text() == "called"


def test_nothing_is_called_for_a_widget_that_is_gone(qtbot):
    panel, other = Panel(), Panel()
    qtbot.addWidget(other)
    soon(panel, panel.call)
    soon(panel, lambda: panel.call())
    soon(other, other.call)
    delete(panel)
    qtbot.waitUntil(lambda: other.calls == 1)
    turns(qtbot)
    assert panel.calls == 0


def test_what_waits_keeps_nobody_alive(qtbot):
    panel = Panel()
    seen = ref(panel)
    soon(panel, partial(Panel.call, panel))
    del panel
    gc.collect()
    assert seen() is None


def test_each_call_of_the_package_has_an_owner():
    found = {
        path.name: count
        for path in PACKAGE.rglob("*.py")
        if path.name != "soon.py" and (count := path.read_text(encoding="utf-8").count("singleShot("))
    }
    assert found == OWNERLESS


@pytest.mark.viewer
def test_a_viewer_that_is_closed_is_not_called_for(make_napari_viewer, qtbot):
    first, second = make_napari_viewer(), make_napari_viewer()
    calls: list[str] = []
    soon_in(first, lambda: calls.append("first"))
    soon_in(second, lambda: calls.append("second"))
    first.close()
    qtbot.waitUntil(lambda: bool(calls))
    turns(qtbot)
    assert calls == ["second"]
