"""Which way a patient is seen: letters on the picture, radiological or neurological by one remembered choice.

The picture is turned once, when the first MRI of ours is opened in a viewer, and after that only by the
choice on the picture. Opening a panel turns nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari.layers import Image
from qtpy.QtCore import QEvent, QObject, QSettings, Qt, QTimer
from qtpy.QtWidgets import QLabel, QPushButton, QWidget

from napari_osuda.imaging.planes import AXIS_CODES, patient_axis
from napari_osuda.imaging.world import METADATA_KEY, SHOWN_AXES
from napari_osuda.napari_layers.contrast import widen_range
from napari_osuda.napari_layers.kept_in_view import KeptInView
from napari_osuda.napari_layers.soon import soon_in

__all__ = ["Orientation", "letter_pixels", "letters", "show_letters", "show_patient", "show_patient_soon"]

_CONVENTIONS = {"radiological": ("up", "left"), "neurological": ("up", "right")}
_TITLES = {
    "radiological": "Radiological: R is on the left",
    "neurological": "Neurological: R is on the right",
}
_UNKNOWN = {True: "Turned by hand", False: "Orientation not known"}
_TURN = "Click to change the view. The choice is remembered."
_ON_PICTURE = "color: white; background: rgba(0, 0, 0, 110);"
_KEY = "orientation"
_WATCHED: WeakKeyDictionary[Any, Orientation] = WeakKeyDictionary()


def letters(axes: Sequence[str], displayed: Sequence[int], conventions: Sequence[str]) -> dict[str, str]:
    """The patient's directions at the edges of the picture.

    Parameters
    ----------
    axes : sequence of str
        What each axis of the picture runs towards: S, A, R.
    displayed : sequence of int
        The axes that run down and across, as napari has them.
    conventions : ("up" or "down", "left" or "right")
        Where these two axes increase to.

    Returns
    -------
    dict
        "top", "bottom", "left" and "right".

    Examples
    --------
    >>> letters("SAR", (1, 2), ("up", "left"))
    {'top': 'A', 'bottom': 'P', 'left': 'R', 'right': 'L'}
    """
    down, across = (axes[axis] for axis in displayed)
    top, bottom = (down, _opposite(down)) if conventions[0] == "up" else (_opposite(down), down)
    left, right = (across, _opposite(across)) if conventions[1] == "left" else (_opposite(across), across)
    return {"top": top, "bottom": bottom, "left": left, "right": right}


def letter_pixels(width: int, height: int) -> int:
    """How high letters are on a picture of so many pixels: a 40th of its smaller side, 16 at least.

    Examples
    --------
    >>> letter_pixels(640, 640), letter_pixels(3000, 2000)
    (16, 50)
    """
    return max(min(width, height) // 40, 16)


def _opposite(code: str) -> str:
    return AXIS_CODES[patient_axis(code)].replace(code, "")


def show_letters(viewer: Any) -> Orientation:
    """Show the letters in a viewer from now on; its picture stays as it is."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _WATCHED:
        orientation = _WATCHED[viewer] = Orientation(viewer)
        known = ref(viewer)

        def forget() -> None:
            orientation.close()
            if (gone := known()) is not None:
                _WATCHED.pop(gone, None)

        orientation.canvas.destroyed.connect(forget)
    return _WATCHED[viewer]


def show_patient(viewer: Any) -> None:
    """Turn the picture the remembered way, once: the first MRI of ours has come into this viewer."""
    orientation = show_letters(viewer)
    if not orientation.applied:
        orientation.look(remembered())


def show_patient_soon() -> None:
    """The same for the viewer that a reader reads for, once its layers are there."""
    import napari

    viewer = napari.current_viewer()
    # A thread has no timers; who reads on one shows the layers itself.
    if viewer is not None and threading.current_thread() is threading.main_thread():
        soon_in(viewer, lambda: show_patient(viewer))


def remembered() -> str:
    """The way that was chosen last: "radiological" or "neurological"."""
    convention = str(QSettings("napari-osuda", "napari-osuda").value(_KEY, "radiological"))
    return convention if convention in _CONVENTIONS else "radiological"


class Orientation(QObject):
    """Letters at the edges of a viewer's picture, and the choice of the way in its corner.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    applied : bool
        Whether the picture was turned the remembered way already.
    labels : dict of str to QLabel
        "top", "bottom", "left", "right".
    button : QPushButton
        Says which way it is, and changes it.
    """

    def __init__(self, viewer: Any) -> None:
        canvas: QWidget = viewer.window._qt_viewer.canvas.native
        super().__init__(canvas)
        self._known, self.canvas = ref(viewer), canvas
        self.applied = False
        self._letter_pixels = 0
        self.labels = {edge: _label(canvas) for edge in ("top", "bottom", "left", "right")}
        self.button = QPushButton(canvas)
        self.button.setFlat(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.setToolTip(_TURN)
        self.button.clicked.connect(self.change)
        canvas.installEventFilter(self)
        self.kept = KeptInView(viewer, canvas)
        # Several layers and axes change in one go; once is enough.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.refresh)
        dims, camera, layers = viewer.dims.events, viewer.scene.camera.events, viewer.layers.events
        self._events = (
            dims.order, dims.ndisplay, camera.orientation, layers.inserted, layers.removed,
        )  # fmt: skip
        for event in self._events:
            event.connect(self._changed)
        self._soon.start(0)

    @property
    def _viewer(self) -> Any:
        # The picture does not keep its viewer alive.
        return self._known()

    def close(self) -> None:
        """Follow the viewer no more."""
        self.kept.close()
        for event in self._events:
            with contextlib.suppress(ValueError, RuntimeError):
                event.disconnect(self._changed)

    @property
    def convention(self) -> str | None:
        """Either "radiological" or "neurological"; None where the picture is turned another way by hand."""
        now = tuple(str(convention) for convention in self._viewer.scene.camera.orientation2d)
        return next((name for name, conventions in _CONVENTIONS.items() if conventions == now), None)

    def look(self, convention: str) -> None:
        """Turn the picture, and remember the way."""
        self.applied = True
        QSettings("napari-osuda", "napari-osuda").setValue(_KEY, convention)
        self._viewer.scene.camera.orientation2d = _CONVENTIONS[convention]
        self.refresh()

    def change(self) -> None:
        """Turn the picture the other way."""
        self.look("neurological" if self.convention == "radiological" else "radiological")

    def refresh(self) -> None:
        """Write the letters anew."""
        if self._viewer is None:
            return
        for layer in self._viewer.layers:
            widen_range(layer)
        flat = self._viewer.dims.ndisplay == 2
        known = self._axes()
        shown: dict[str, str] = {}
        if flat and known and self._viewer.dims.ndim >= 3:
            before = self._viewer.dims.ndim - 3
            displayed = [axis - before for axis in self._viewer.dims.displayed]
            if min(displayed) >= 0:
                conventions = [str(convention) for convention in self._viewer.scene.camera.orientation2d]
                shown = letters(known, displayed, conventions)
        for edge, label in self.labels.items():
            label.setText(shown.get(edge, ""))
            label.setVisible(bool(shown))
        if self._viewer.layers and flat:
            self.button.setText(
                _TITLES[self.convention] if shown and self.convention else _UNKNOWN[bool(shown)]
            )
        self.button.setVisible(bool(self._viewer.layers) and flat)
        self.button.setEnabled(bool(shown))
        self._move_labels()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the size of the picture."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._move_labels()
        return False

    def _changed(self, event: object = None) -> None:
        self._soon.start(0)

    def _axes(self) -> str:
        """What the axes run towards, "" where that is not known of an image."""
        layers = [layer for layer in self._viewer.layers if layer.ndim >= 3]
        known = [layer for layer in layers if METADATA_KEY in layer.metadata or _named(layer)]
        doubtful = any(isinstance(layer, Image) and layer not in known for layer in layers)
        return SHOWN_AXES if known and not doubtful else ""

    def _move_labels(self) -> None:
        width, height = self.canvas.width(), self.canvas.height()
        self._scale(letter_pixels(width, height))
        self.button.adjustSize()
        # Where the picture is narrow, the letter below would lie on the words in the corner.
        low = 4 + (self.button.height() + 2 if self.button.width() + 24 > width // 2 else 0)
        for edge, label in self.labels.items():
            label.adjustSize()
            x, y = (width - label.width()) // 2, (height - label.height()) // 2
            right, bottom = width - label.width() - 4, height - label.height() - low
            x, y = {"top": (x, 4), "bottom": (x, bottom), "left": (4, y), "right": (right, y)}[edge]
            label.move(x, y)
        self.button.move(4, height - self.button.height() - 4)

    def _scale(self, pixels: int) -> None:
        """Letters that can be read on a large screen as well, where Qt does not enlarge them."""
        if pixels == self._letter_pixels:
            return
        self._letter_pixels = pixels
        for label in self.labels.values():
            label.setStyleSheet(f"{_ON_PICTURE} font-weight: bold; font-size: {pixels}px; padding: 0px 4px;")
        words = f"font-size: {pixels * 4 // 5}px;" if pixels > letter_pixels(0, 0) else ""
        self.button.setStyleSheet(f"{_ON_PICTURE} {words} padding: 1px 4px;")


def _named(layer: Any) -> bool:
    return tuple(layer.axis_labels[-3:]) == tuple(SHOWN_AXES)


def _label(canvas: QWidget) -> QLabel:
    label = QLabel(canvas)
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return label
