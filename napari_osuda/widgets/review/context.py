"""What is under review now, and how the parts of the panel hear of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_osuda.errors import OsudaError
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.slices import SliceTable, slice_table
from napari_osuda.session.review.wording import warning_words
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.view.layers import ReviewLayers

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

    def __init__(self, layers: ReviewLayers) -> None:
        super().__init__()
        self.layers = layers
        self.run: ReviewRun | None = None
        self.review: Review | None = None
        self.plane: SlicePlane = "axial"
        self._tables: dict[tuple[int, str, str], SliceTable] = {}
        # The position is written once the reviewer has stayed somewhere, and not at every slice passed.
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(1000)
        self._resting.timeout.connect(self.keep_position)

    def tell(self, text: str, bad: bool = False) -> None:
        """Say something."""
        self.message.emit(text, bad)

    @property
    def step(self) -> int:
        """The viewer's number of the slice that it shows."""
        return self.layers.step(self.plane)

    @property
    def row(self) -> int:
        """The case's own number of that slice."""
        return self.layers.planes[self.plane].index(self.step)

    def go_to(self, step: int) -> None:
        """Show a slice, by the viewer's number."""
        if self.review is not None and self.in_plane():
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
