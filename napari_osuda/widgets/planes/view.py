"""One plane as a picture with letters and crosshair: a click moves it, the wheel changes the slice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QFontInfo, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_osuda.napari_layers.orientation import letter_pixels
from napari_osuda.widgets.planes.cutting import Cut

__all__ = ["PlaneView"]

_CROSS = QColor(255, 210, 0, 200)
_LEAST = 60


class PlaneView(QWidget):
    """A slice with the patient's directions at its edges.

    Parameters
    ----------
    title : str
    """

    #: Row and column, as fractions of the array's own, that were clicked or dragged to.
    picked = Signal(float, float)
    #: Slices to go, up or down.
    stepped = Signal(int)

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.title = title
        self._image: QImage | None = None
        self._mm = (1.0, 1.0)
        self._ways = ("up", "left")
        self._letters: Mapping[str, str] = {}
        self._cross = (0.0, 0.0)
        self._rest = 0
        self.setMinimumSize(_LEAST, _LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def show_cut(
        self,
        found: Cut | None,
        cross: tuple[float, float] = (0.0, 0.0),
        ways: tuple[str, str] = ("up", "left"),
        letters: Mapping[str, str] | None = None,
        title: str = "",
    ) -> None:
        """Show a slice, or nothing.

        Parameters
        ----------
        found : Cut or None
        cross : (float, float)
            Row and column of the crosshair.
        ways : ("up" or "down", "left" or "right")
            Where rows and columns count to on the screen.
        letters : mapping, optional
            "top", "bottom", "left", "right".
        title : str
        """
        self.title, self._letters, self._ways, self._cross = title, letters or {}, ways, cross
        self.setAccessibleName(title)
        if found is None:
            self._image = None
        else:
            pixels = found.rgb[:: -1 if ways[0] == "up" else 1, :: -1 if ways[1] == "left" else 1]
            rows, columns = pixels.shape[:2]
            lines = np.ascontiguousarray(pixels)
            # A copy: Qt does not keep the array.
            self._image = QImage(lines.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()
            self._mm = found.mm
        self.update()

    def place(self) -> QRectF:
        """Where the slice is drawn, as large as it fits."""
        if self._image is None:
            return QRectF()
        wide, high = self._image.width() * self._mm[1], self._image.height() * self._mm[0]
        scale = min(self.width() / wide, self.height() / high)
        size = wide * scale, high * scale
        return QRectF((self.width() - size[0]) / 2, (self.height() - size[1]) / 2, *size)

    def at(self, row: float, column: float) -> QPointF:
        """Where the middle of a pixel of the array is on the screen."""
        assert self._image is not None
        place, rows, columns = self.place(), self._image.height(), self._image.width()
        down = rows - 1 - row if self._ways[0] == "up" else row
        right = columns - 1 - column if self._ways[1] == "left" else column
        x = place.left() + (right + 0.5) * place.width() / columns
        return QPointF(x, place.top() + (down + 0.5) * place.height() / rows)

    def pixel(self, where: QPointF) -> tuple[float, float]:
        """Inverse of `at`, within the slice."""
        assert self._image is not None
        place, rows, columns = self.place(), self._image.height(), self._image.width()
        right = (where.x() - place.left()) * columns / place.width() - 0.5
        down = (where.y() - place.top()) * rows / place.height() - 0.5
        row = rows - 1 - down if self._ways[0] == "up" else down
        column = columns - 1 - right if self._ways[1] == "left" else right
        return min(max(row, 0.0), rows - 1.0), min(max(column, 0.0), columns - 1.0)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0))
        if self._image is None:
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        place = self.place()
        painter.drawImage(place, self._image)
        cross = self.at(*self._cross)
        painter.setPen(QPen(_CROSS, 1))
        gap = 6.0
        for a, b in (
            (QPointF(place.left(), cross.y()), QPointF(cross.x() - gap, cross.y())),
            (QPointF(cross.x() + gap, cross.y()), QPointF(place.right(), cross.y())),
            (QPointF(cross.x(), place.top()), QPointF(cross.x(), cross.y() - gap)),
            (QPointF(cross.x(), cross.y() + gap), QPointF(cross.x(), place.bottom())),
        ):
            painter.drawLine(a, b)
        painter.setPen(QColor(255, 255, 255))
        font, pixels = painter.font(), letter_pixels(self.width(), self.height())
        # A plane is a part of the screen: only a large one has larger letters than the window.
        if pixels > QFontInfo(font).pixelSize():
            font.setPixelSize(pixels)
        painter.setFont(font)
        inside = QRectF(self.rect()).adjusted(4, 2, -4, -2)
        center, middle = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignVCenter
        for edge, flags in {
            "top": center | Qt.AlignmentFlag.AlignTop,
            "bottom": center | Qt.AlignmentFlag.AlignBottom,
            "left": middle | Qt.AlignmentFlag.AlignLeft,
            "right": middle | Qt.AlignmentFlag.AlignRight,
        }.items():
            painter.drawText(inside, int(flags), self._letters.get(edge, ""))
        corner = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        painter.drawText(inside, int(corner), self.title)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Move the crosshair here."""
        self._pick(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the crosshair."""
        self._pick(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Go through the slices of this plane."""
        if event is None or self._image is None:
            return
        # A touchpad sends many small turns: a slice for each notch.
        self._rest += event.angleDelta().y()
        steps, self._rest = int(self._rest / 120), self._rest - 120 * int(self._rest / 120)
        if steps:
            self.stepped.emit(steps)
        event.accept()

    def _pick(self, event: QMouseEvent | None) -> None:
        if event is None or self._image is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        self.picked.emit(*self.pixel(event.position()))
