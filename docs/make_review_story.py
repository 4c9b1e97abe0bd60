"""The review as a new user meets it: open a sample, adapt, review ten slices, save, reopen.

Every step is a real mouse or key event on a real window; clicks are counted from the opened volume to the
saved mask, and each step leaves a picture in docs/images.

    sh tools/with-display.sh .venv/bin/python docs/make_review_story.py
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
from qtpy.QtCore import QEvent, QPoint, QPointF, QSettings, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QMenu, QMessageBox, QWidget

IMAGES = Path(__file__).parent / "images"


class Story:
    """Drives a viewer as a hand would, and counts."""

    def __init__(self, viewer: Any, pictures: Path, theme: str) -> None:
        self.viewer = viewer
        self.window = viewer.window._qt_window
        self.pictures = pictures
        self.theme = theme
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
                    self.wait(action.menu().isVisible, f"the menu {title}", 10)
            if place in (0, len(path) - 1):
                self.click(holder, center)
                if place == 0:
                    self.wait(action.menu().isVisible, f"the menu {title}", 10)
            holder = action.menu()

    def choose(self, combo: QComboBox, text: str) -> None:
        """Open a list and choose a row: two clicks."""
        self.click(combo)
        view = combo.view()
        self.wait(view.isVisible, "the list", 10)
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

    def answer(self, title: str) -> None:
        """Click a button of the question that is open."""
        self.wait(lambda: self._boxes(), "a question", 10)
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
        QTest.qWait(300)
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"review-{name}-{self.theme}.png"
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


def tell_story(theme: str, work: Path, pictures: Path, iterations: int | None) -> dict[str, int]:
    """Go through it once."""
    viewer = napari.Viewer(show=True)
    viewer.theme = theme
    story = Story(viewer, pictures, theme)
    story.window.resize(1600, 1000)
    viewer.open_sample("napari-osuda", "low-grade")
    QTest.qWait(200)
    story.picture("1-opened")

    story.menu("Plugins", "OSUDA", "OSUDA: Adapt")
    story.wait(lambda: panel(viewer, "OSUDA: Adapt"), "the Adapt panel")
    adapt = panel(viewer, "OSUDA: Adapt")
    adapt.folder_panel.set_parent_folder(work)
    if iterations is not None:
        adapt.settings_panel.set_values(iterations=iterations)
    story.choose(adapt.model_panel.combo, "glioma four contrasts")
    story.wait(adapt.run_panel.adapt_button.isEnabled, "the model")
    story.click(adapt.run_panel.adapt_button)
    story.wait(lambda: adapt.run_panel.state in ("done", "failed"), "the run", 900)
    if adapt.run_panel.state == "failed":
        raise RuntimeError(adapt.run_panel.label.text())
    story.picture("2-adapted")

    story.click(adapt.outcome_panel.review_button)
    story.wait(lambda: panel(viewer, "OSUDA: Review"), "the Review panel")
    review = panel(viewer, "OSUDA: Review")
    story.wait(lambda: review.review is not None, "the run under review")
    story.picture("3-overlay")
    to_open = story.clicks

    for place in range(10):
        story.press(Qt.Key.Key_K if place in (3, 7) else Qt.Key.Key_A)
    story.press(Qt.Key.Key_S)
    story.picture("4-side-by-side")
    story.press(Qt.Key.Key_D)
    story.picture("5-difference")
    story.press(Qt.Key.Key_I)
    log = len(review.review.log)
    story.stroke(review.layers.layers["final"])
    story.wait(lambda: len(review.review.log) == log + 1, "the stroke on the record", 20)
    story.picture("6-edited")
    story.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    story.press(Qt.Key.Key_I)
    story.press(Qt.Key.Key_R)

    story.clicks = to_open
    story.click(review.page.decide.rest_after)
    story.answer("Use adapted")
    story.click(review.page.save_button)
    if not review.acts.reviewer:
        story.type(review.page.name, "A. Reader")
        story.keys += 1
        QTest.keyClick(review.page.name, Qt.Key.Key_Return)
    story.wait(lambda: "report is beside it" in review.page.note.text(), "the report")
    story.picture("7-saved")
    counted = {"clicks": story.clicks}

    folder, mask = review.run.folder, review.review.final.copy()
    viewer.close()
    QTest.qWait(200)
    again = napari.Viewer(show=True)
    again.theme = theme
    story = Story(again, pictures, theme)
    story.window.resize(1600, 1000)
    again.open(str(folder), plugin="napari-osuda")
    story.wait(lambda: panel(again, "OSUDA: Review"), "the Review panel of the reopened folder")
    review = panel(again, "OSUDA: Review")
    story.wait(lambda: review.review is not None, "the reopened run")
    assert (review.review.final == mask).all(), "the reopened mask is another one"
    story.picture("8-reopened")
    record = json.loads((folder / "review.json").read_text(encoding="utf-8"))
    counted["decisions"] = sum(len(case["log"]) for case in record["cases"].values())
    again.close()
    return counted


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


def main() -> int:
    """Tell it in each theme."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--theme", action="append", choices=("dark", "light"))
    options.add_argument("--out", type=Path, default=IMAGES)
    options.add_argument("--iterations", type=int, default=None, help="fewer, for a quick try")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as work:
        QSettings.setPath(
            QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(Path(work) / "settings")
        )
        for theme in given.theme or ("dark", "light"):
            counted = tell_story(theme, Path(work) / theme, given.out, given.iterations)
            print(f"{theme}: {counted['clicks']} clicks from the opened volume to the saved mask; "
                  f"{counted['decisions']} acts on the record")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
