"""The Review panel in a viewer, with mouse and keys on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMessageBox


def docked(viewer: Any) -> Any:
    from napari_osuda.widgets.review.widget import ReviewWidget

    widget = ReviewWidget(viewer)
    viewer.window.add_dock_widget(widget, name="OSUDA: Review")
    return widget


def answer(widget: Any, title: str) -> str:
    """Click a button of the question that is open; what was asked."""
    (box,) = [box for box in widget.window().findChildren(QMessageBox) if box.isVisible()]
    button = next(b for b in box.buttons() if b.text().replace("&", "") == title)
    said = str(box.text())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    return said


def asked(widget: Any) -> bool:
    """Whether a question is open."""
    return any(box.isVisible() for box in widget.window().findChildren(QMessageBox))


def choose_rows(widget: Any, first: int, last: int) -> None:
    """Click a row of the table, and another with Shift."""
    view = widget.page.slices.view
    for row, modifier in ((first, Qt.KeyboardModifier.NoModifier), (last, Qt.KeyboardModifier.ShiftModifier)):
        index = view.model().index(row, 0)
        view.scrollTo(index)
        QTest.mouseClick(
            view.viewport(), Qt.MouseButton.LeftButton, modifier, view.visualRect(index).center()
        )


def press(viewer: Any, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    """A key on the picture."""
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, key, modifier)


def paint(widget: Any, qtbot: Any, step: int) -> np.ndarray:
    """Paint a voxel of an axial slice, as napari's brush does; the slice as it is then."""
    widget.context.go_to(step)
    widget.edit(True)
    final = widget.layers.layers["final"]
    final.selected_label = 1 if final.data[step, 5, 5] != 1 else 3
    final.brush_size = 1
    final.paint((step, 5, 5), final.selected_label)
    length = len(widget.review.log)
    qtbot.waitUntil(lambda: len(widget.review.log) == length + 1)
    widget.edit(False)
    return np.array(final.data[step])


SHAPE = (12, 10, 8)
