"""A hand on the mouse and the keys of a real window: it clicks, hovers, types and draws, and counts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QMenu, QMessageBox, QPushButton, QWidget


class Hand:
    """Drives a viewer as a hand would, and counts clicks and keys."""

    def __init__(
        self, viewer: Any, pictures: Path | None = None, theme: str = "dark", title: str = ""
    ) -> None:
        self.viewer = viewer
        self.window = viewer.window._qt_window
        self.pictures = pictures
        self.theme = theme
        self.title = title
        self.clicks = 0
        self.keys = 0

    def wait(self, until: Callable[[], Any], what: str, seconds: float = 300) -> None:
        """Let the window live until something is so."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"Waited {seconds:.0f} s in vain: {what}.")
            QTest.qWait(20)
        QTest.qWait(50)

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        """One click of the left button."""
        assert widget.isVisible(), f"{widget} cannot be clicked: it is not seen"
        self.clicks += 1
        QTest.mouseClick(
            widget,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
            widget.rect().center() if at is None else at,
        )

    def menu(self, *path: str) -> None:
        """Go through the menu bar: a click opens it, submenus open under the pointer, a click chooses."""
        bar = self.window.menuBar()
        holder: Any = bar
        for place, title in enumerate(path):
            action = next(a for a in holder.actions() if a.text().replace("&", "").startswith(title))
            center = holder.actionGeometry(action).center()
            if isinstance(holder, QMenu):
                _hover(holder, center)
                if action.menu() is not None:
                    self.wait(action.menu().isVisible, f"the menu {title}")
            if place in (0, len(path) - 1):
                self.click(holder, center)
                if place == 0:
                    self.wait(action.menu().isVisible, f"the menu {title}")
            holder = action.menu()

    def choose(self, combo: QComboBox, text: str) -> None:
        """Open a list and choose a row: two clicks."""
        self.click(combo)
        view = combo.view()
        self.wait(view.isVisible, "the list")
        # Qt takes the end of a click that opens a list for no choice, and waits a little to know.
        QTest.qWait(QApplication.doubleClickInterval() + 100)
        row = next(i for i in range(combo.count()) if text in combo.itemText(i))
        index = view.model().index(row, 0)
        self.clicks += 1
        QTest.mouseClick(
            view.viewport(),
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
            view.visualRect(index).center(),
        )

    def open_menu(self, button: QPushButton, title: str) -> None:
        """Open the menu of a button and choose a line: two clicks."""
        menu = button.menu()
        self.click(button)
        self.wait(menu.isVisible, "the menu of a button")
        action = next(a for a in menu.actions() if title in a.text().replace("&", ""))
        self.click(menu, menu.actionGeometry(action).center())

    def enter(self) -> None:
        """Answer the question that is open by the Enter key."""
        self.wait(lambda: self._boxes(), "a question")
        self.keys += 1
        QTest.keyClick(self._boxes()[0], Qt.Key.Key_Return)

    @property
    def asked(self) -> bool:
        """Whether a question is open."""
        return bool(self._boxes())

    def answer(self, title: str) -> None:
        """Click a button of the question that is open."""
        self.wait(lambda: self._boxes(), "a question")
        self.click(next(b for b in self._boxes()[0].buttons() if title in b.text().replace("&", "")))

    def _boxes(self) -> list[QMessageBox]:
        return [box for box in self.window.findChildren(QMessageBox) if box.isVisible()]

    def press(self, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """One key, while the picture has the keyboard."""
        self.keys += 1
        QTest.keyClick(self.viewer.window._qt_viewer.canvas.native, key, modifier)
        QTest.qWait(20)

    def stroke(self, mask: Any) -> None:
        """Draw along a quarter of the lesion's border with the left button down."""
        canvas = self.viewer.window._qt_viewer.canvas.native
        step = self.viewer.dims.current_step[0]
        rows, columns = mask.data[step].nonzero()
        middle = mask.data_to_world((step, rows.mean(), columns.mean()))[1:]
        radius = math.sqrt(rows.size / math.pi) * mask.scale[1] + 1.0
        path = []
        for degrees in range(180, 270, 3):
            angle = math.radians(degrees)
            place = middle[0] + radius * math.sin(angle), middle[1] + radius * math.cos(angle)
            path.append(self.on_canvas(*place))
        none = Qt.KeyboardModifier.NoModifier
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, none, path[0])
        for at in path:
            _drag(canvas, at)
            QTest.qWait(5)
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, none, path[-1])

    def on_canvas(self, front: float, right: float) -> QPoint:
        """Where on the picture a place lies, in mm towards the patient's front and right."""
        camera, middle = self.viewer.scene.camera, self.viewer.window._qt_viewer.canvas.native.rect().center()
        across, up = (right - camera.center[-1]) * camera.zoom, (front - camera.center[-2]) * camera.zoom
        return middle - QPoint(round(across), round(up))

    def type(self, widget: QWidget, text: str) -> None:
        """Write into a field that has the keyboard."""
        self.keys += len(text)
        QTest.keyClicks(widget, text)

    def picture(self, name: str) -> None:
        """Keep what is seen."""
        if self.pictures is None:
            return
        QTest.qWait(300)
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{self.title}-{name}-{self.theme}.png"
        self.window.grab().save(str(path))
        print(f"{self.clicks:3d} clicks, {self.keys:3d} keys: {path.name}", flush=True)


def _hover(widget: QWidget, at: QPoint) -> None:
    where = QPointF(at)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        where,
        QPointF(widget.mapToGlobal(at)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)


def panel(viewer: Any, title: str) -> Any:
    """The widget of an open dock."""
    docks = viewer.window.dock_widgets
    return next((widget for name, widget in docks.items() if name.startswith(title)), None)


def _drag(widget: QWidget, at: QPoint) -> None:
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(at),
        QPointF(widget.mapToGlobal(at)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)
