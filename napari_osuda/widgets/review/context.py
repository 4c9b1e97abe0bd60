"""What is under review now, and how the parts of the panel hear of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_osuda.errors import OsudaError
from napari_osuda.napari_layers.other_patients import images_of_others
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.slices import SliceTable, slice_table
from napari_osuda.session.review.wording import warning_words
from napari_osuda.widgets.qt.words import other_patient
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.view.layers import ReviewLayers
from napari_osuda.widgets.review.view.planes import is_inside

__all__ = ["ReviewContext"]


class ReviewContext(QObject):
    """One case of one run, the plane that the viewer shows, and its layers.

    Attributes
    ----------
    run, review : ReviewRun and Review, or None
    plane : {"axial", "coronal", "sagittal"}
        The one that the viewer shows, or showed before it went to 3-D.
    """

    #: Decisions have changed.
    decided = Signal()
    #: Something to say in the panel; whether it is about a failure.
    message = Signal(str, bool)
    #: Another patient's image is over the case, whose own is wanted.
    covered = Signal()

    def __init__(self, layers: ReviewLayers) -> None:
        super().__init__()
        self.layers = layers
        self.run: ReviewRun | None = None
        self.review: Review | None = None
        self.plane: SlicePlane = "axial"
        self._told = 0
        self._tables: dict[tuple[int, str, str], SliceTable] = {}
        # The position is written once the reviewer has stayed somewhere, and not at every slice passed.
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(1000)
        self._resting.timeout.connect(self.keep_position)

    def tell(self, text: str, bad: bool = False) -> None:
        """Say something."""
        self._told += 1
        self.message.emit(text, bad)

    def begin(self, text: str) -> Callable[[str], bool]:
        """Say that something has begun; gives what says how it ended, unless something else was said since.

        What goes wrong is to be told in any case, by `tell`; the sentence answers whether it was told.
        """
        self.tell(text)
        number = self._told

        def ended(text: str) -> bool:
            newest = number == self._told
            if newest:
                self.tell(text)
            return newest

        return ended

    @property
    def step(self) -> int:
        """The viewer's number of the slice that it shows."""
        return self.layers.step(self.plane)

    @property
    def row(self) -> int:
        """The case's own number of that slice."""
        return self.layers.planes[self.plane].index(self.step)

    def go_to(self, step: int) -> None:
        """Show a slice of the case, by the viewer's number."""
        if self.review is not None and self.in_plane():
            if self.others():
                self.covered.emit()
            self.layers.go_to(self.plane, step)

    def passed(self) -> None:
        """The viewer has come to another slice: write it down if it stays there."""
        self._resting.start()

    def keep_position(self) -> None:
        """Write down where the reviewer is."""
        self._resting.stop()
        run, review = self.run, self.review
        if run is None or review is None or not self.layers.alive:
            return
        name, record = review.case.name, run.record
        if record.position(name) == {"plane": self.plane, "slice": self.row} and record.last_case == name:
            return
        record.set_position(name, self.plane, self.row)
        try:
            record.write()
        except OsudaError as error:
            self.tell(str(error), True)

    def table(self, plane: SlicePlane) -> SliceTable:
        """Counts of the slices of a plane, made once."""
        assert self.review is not None
        key = (id(self.review), self.review.case.name, plane)
        if key not in self._tables:
            self._tables[key] = slice_table(self.review.case, plane)
        return self._tables[key]

    def keep_table(self, review: Review, table: SliceTable) -> None:
        """Keep counts that were made on another thread."""
        self._tables[(id(review), review.case.name, table.plane)] = table

    def in_plane(self) -> bool:
        """Whether a slice is shown; in 3-D none is, which is said."""
        if self.layers.plane() is None:
            self.tell(words.IN_3D, True)
            return False
        return True

    def others(self) -> list[Any]:
        """Images of other patients that are seen in place of the case, or with it."""
        if self.review is None:
            return []
        paths = [Path(entry.path) for entry in self.review.case.inputs if entry.path]
        return images_of_others(self.layers.viewer, self.layers.images, paths)

    def in_front(self) -> bool:
        """Whether it is this case that is seen; where it is not, it is shown again, which is said."""
        others = self.others()
        if self.review is None or not others:
            return True
        self.covered.emit()
        self.tell(other_patient(others[0].name, self.review.case.name), True)
        return False

    def in_sight(self) -> bool:
        """Whether a slice of this case is seen; where none is, nothing may be done to it, which is said."""
        if not (self.in_plane() and self.in_front()):
            return False
        if is_inside(self.layers.viewer, self.layers.layers["final"], self.layers.planes[self.plane]):
            return True
        self.layers.go_to(self.plane, self.step)
        self.tell(words.OUTSIDE, True)
        return False

    def position_words(self) -> tuple[str, str]:
        """What there is to say of the current slice, and why it deserves a second look."""
        assert self.review is not None
        table, row = self.table(self.plane), self.row
        doubt = None if table.uncertainty is None else float(table.uncertainty[row])
        said = words.position(
            self.step,
            float(table.position_mm[row]),
            int(table.change.changed[row]),
            doubt,
            self.review.flag(self.plane, row),
        )
        return said, warning_words(table.warnings[row], self.review.case.names)

    def masks(self) -> Mapping[str, NDArray[np.integer]]:
        """The three masks by name."""
        assert self.review is not None
        case = self.review.case
        return {"before": case.before, "after": case.after, "final": self.review.final}
