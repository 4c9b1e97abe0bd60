"""Another contrast than the model knows: as it is and converted, on a slice, for a person to choose."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from napari_osuda.errors import explain
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.words import NoteLabel

if TYPE_CHECKING:
    from napari_osuda.session import ContrastPreview, Job

__all__ = ["ContrastChoice"]

# Side of a picture, and letters in a line below it; two of them fit into a dock of 320 pixels.
_SIDE, _LETTERS = 128, 20
_TITLES = {
    "off": "As it is",
    "inverted": "Inverted contrast",
    "fluid_bright": "Fluid made bright",
    "both_bright": "Fluid and edema made bright",
    "fitted": "Converted by name",
    "names": "Converted by name, not fitted",
}


class ContrastChoice(QWidget):
    """A button that shows the current slice both ways, and two pictures to choose from.

    Parameters
    ----------
    make_job : callable
        Gives a function that makes the job of what is chosen now (called off the GUI thread), or None.
    current_slice : callable
        From a job's first case to the number of the slice that the viewer shows, or None.
    """

    #: The value of the setting ``contrast`` that was chosen.
    chosen = Signal(str)
    #: What was chosen here was chosen for other images or another model: the method's own is to be set again.
    withdrawn = Signal()

    def __init__(
        self, make_job: Callable[[], Callable[[], Job] | None], current_slice: Callable[[Job], int | None]
    ) -> None:
        super().__init__()
        self._make_job, self._current_slice = make_job, current_slice
        self.button = QPushButton("Compare contrasts on this slice")
        self.button.setToolTip(
            "Shows the source model's mask on the current slice: as the image is, and with its contrast "
            "converted to the model's. Click the better one."
        )
        self.button.clicked.connect(self.compare)
        self.pictures = QWidget()
        row = QHBoxLayout(self.pictures)
        row.setContentsMargins(0, 0, 0, 0)
        self.buttons: list[QToolButton] = []
        for index in range(2):
            button = QToolButton()
            button.setCheckable(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(_SIDE, _SIDE))
            button.clicked.connect(lambda _, index=index: self.choose(index))
            row.addWidget(button, alignment=Qt.AlignmentFlag.AlignTop)
            self.buttons.append(button)
        row.addStretch(1)
        self.note = NoteLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.button, self.pictures, self.note):
            layout.addWidget(widget)
        self.previews: tuple[ContrastPreview, ...] = ()
        self._jobs, self._work = Background(self), Background(self)
        self._jobs.done.connect(self._show_slice)
        self._work.done.connect(self._show)
        for background in (self._jobs, self._work):
            background.failed.connect(lambda error: self._fail(explain(error)))
        self._key: object = None
        # What was chosen here, for as long as it is the setting.
        self._contrast: str | None = None
        self._locked = self._under_way = self._stale = False
        self.pictures.hide()
        self.hide()

    def compare(self) -> None:
        """Make both pictures of the current slice, off the GUI thread."""
        make = self._make_job()
        if make is None or self._under_way:
            return
        self._under_way, self._stale = True, False
        self._enable()
        self.note.tell("Segmenting the slice both ways…")
        self._jobs.run(make)

    def choose(self, index: int) -> None:
        """Take one of the two: 0 is as it is."""
        self._contrast = self.previews[index].contrast
        self._mark()
        self.chosen.emit(self._contrast)

    def set_input(self, key: object, wanted: bool) -> None:
        """Follow the choice of model and images; ``wanted`` where a contrast is not surely the model's."""
        # Out of sight, a choice would apply without anyone's seeing it.
        key = key if wanted else None
        if key != self._key:
            self._key = key
            self._forget()
        self.setVisible(wanted)

    def set_contrast(self, contrast: str) -> None:
        """Follow the setting: what was written over by hand, or by another method, is no choice of here."""
        if self._contrast not in (None, contrast):
            self._contrast = None
            self._mark()

    def set_locked(self, locked: bool) -> None:
        """Read only while a run is under way."""
        self._locked = locked
        self._enable()

    def close_down(self) -> None:
        """Wait for what is under way and tell nothing of it."""
        self._jobs.close()
        self._work.close()

    def _forget(self) -> None:
        """The pictures say nothing of other images or of another model, nor does what was chosen by them."""
        # Not its key: the same layers may be chosen again before the answer is there.
        self._stale = True
        contrast, self._contrast, self.previews = self._contrast, None, ()
        self.pictures.hide()
        self.note.tell("")
        if contrast is not None:
            self.withdrawn.emit()

    def _show_slice(self, job: Job) -> None:
        from napari_osuda.session import contrast_previews

        if self._stale:
            self._end()
            return
        index = self._current_slice(job)
        self._work.run(lambda: contrast_previews(job, index))

    def _show(self, previews: tuple[ContrastPreview, ...]) -> None:
        self._end()
        if self._stale:
            return
        self.previews = previews
        for button, preview in zip(self.buttons, previews, strict=True):
            button.setAccessibleName(f"Contrast: {_TITLES[preview.contrast]}")
            button.setToolTip(
                "The share of the head that the source model marks in this slice. The distance d (eq. 5) "
                "compares the image's statistics with the model's: less is better."
            )
            button.setIcon(QIcon(_picture(preview)))
        self._mark()
        self.pictures.show()
        self.note.tell("")

    def _fail(self, sentence: str) -> None:
        self._end()
        if not self._stale:
            self.note.tell(sentence)

    def _end(self) -> None:
        self._under_way = False
        self._enable()

    def _enable(self) -> None:
        # One comparison at a time, also where nobody wants the answer any more.
        self.button.setEnabled(not (self._locked or self._under_way))
        for button in self.buttons:
            button.setEnabled(not self._locked)

    def _mark(self) -> None:
        for button, preview in zip(self.buttons, self.previews, strict=True):
            chosen = preview.contrast == self._contrast
            button.setChecked(chosen)
            button.setText(_caption(preview, chosen=chosen))


def _caption(preview: ContrastPreview, *, chosen: bool) -> str:
    head = int(np.count_nonzero(preview.picture != preview.picture[0, 0]))
    marked = int(np.count_nonzero(preview.labels)) / max(head, 1)
    fit = "" if preview.distance is None else f"\ndistance {preview.distance:.2f}"
    title = "\n".join(textwrap.wrap(f"{'✔ ' if chosen else ''}{_TITLES[preview.contrast]}", _LETTERS))
    return f"{title}\n{100 * marked:.1f} % of the head{fit}"


def _picture(preview: ContrastPreview) -> QPixmap:
    """The slice in gray with the outline of its mask in orange, as wide and high as a button's picture."""
    from scipy.ndimage import binary_erosion, zoom

    picture = preview.picture
    head = picture != picture[0, 0]
    low, high = (float(v) for v in np.percentile(picture[head], (1, 99.5))) if head.any() else (0.0, 1.0)
    gray = np.where(head, np.clip((picture - low) / max(high - low, 1e-6), 0, 1), 0)
    finer = max(1, -(-2 * _SIDE // max(picture.shape)))
    levels = (255 * zoom(gray, finer, order=1)).astype(np.uint8)
    shown = np.repeat(levels[..., None], 3, axis=2)
    mask = np.kron(preview.labels != 0, np.ones((finer, finer), bool))
    shown[mask & ~binary_erosion(mask, iterations=max(finer, 2))] = (255, 159, 28)
    shown = np.ascontiguousarray(shown)
    height, width, _ = shown.shape
    image = QImage(shown.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    return QPixmap.fromImage(image).scaled(
        _SIDE,
        _SIDE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
