"""A slider over the iterations of a run: what the mask was then, and whether it is to be the result."""

from __future__ import annotations

import time
from html import escape
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_osuda.errors import explain
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.cockpit.slice_layers import Viewpoint, other_plane
from napari_osuda.widgets.cockpit.slice_mask import SliceMask
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.questions import ask
from napari_osuda.widgets.qt.words import NoteLabel, WrappedLabel, enable, other_patient

__all__ = ["TimelinePanel"]


class TimelinePanel(QWidget):
    """Shows any kept iteration: its mask on the current slice, and makes it the result.

    Parameters
    ----------
    viewer : napari.Viewer
    cockpit : Cockpit
        Whose run it goes back in.
    """

    #: The iteration that is looked at, or None for the run as it goes on.
    chosen = Signal(object)

    def __init__(self, viewer: Any, cockpit: Cockpit) -> None:
        super().__init__()
        self._viewer, self._cockpit = viewer, cockpit
        self._kept: tuple[int, ...] = ()
        #: After how many iterations; None follows the run.
        self.iteration: int | None = None
        #: What the last preview took, from the slider to the layer, in seconds.
        self.seconds = 0.0
        self.mask = SliceMask(viewer, cockpit, "iteration")
        #: Masks that would be seen together with that one, as if they were one mask.
        self._hidden: list[Any] = []
        self._working = Background(self)
        self._working.done.connect(self._on_done)
        self._working.failed.connect(self._on_failed)
        self._wanted: tuple[int, int] | None = None

        self.heading = WrappedLabel()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Iteration to look at")
        self.slider.setToolTip("Shows an earlier iteration: its mask on the current slice, its plots below")
        self.latest_button = QPushButton("&Latest")
        self.use_button = QPushButton("&Use this iteration")
        self.note = NoteLabel()
        row = QHBoxLayout()
        row.addWidget(self.slider, 1)
        row.addWidget(self.latest_button)
        row.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(3)
        layout.addWidget(self.heading)
        layout.addLayout(row)
        layout.addWidget(self.note)
        self.viewpoint = Viewpoint(viewer, self)
        self.viewpoint.moved.connect(self._preview)
        self.slider.valueChanged.connect(self._on_slider)
        self.latest_button.clicked.connect(lambda: self.go_to(None))
        self.use_button.clicked.connect(self._use)
        self.begin()

    def begin(self) -> None:
        """Another run, or none."""
        self._bring_back()
        self.mask.begin()
        self._kept, self._wanted = (), None
        self.iteration = None
        self.note.tell("")
        self.chosen.emit(None)
        self.refresh()

    def leave(self) -> None:
        """The case is no longer open: take the layer away, as there is nothing to go back to."""
        self.mask.remove()
        self.begin()

    def refresh(self) -> None:
        """Take in what has been kept since."""
        timeline = self._cockpit.timeline
        kept = () if timeline is None else timeline.kept
        self.setVisible(bool(kept))
        if kept != self._kept:
            self._kept = kept
            self.slider.blockSignals(True)
            self.slider.setRange(0, max(len(kept) - 1, 0))
            if self.iteration is None:
                self.slider.setValue(len(kept) - 1)
            elif self.iteration in kept:
                self.slider.setValue(kept.index(self.iteration))
            self.slider.blockSignals(False)
        self._write()

    def go_to(self, iteration: int | None) -> None:
        """Look at the state after so many iterations, or follow the run (None)."""
        self.iteration = iteration
        if iteration is None:
            self._wanted = None
            self.mask.hide()
            self._bring_back()
            self.note.tell("")
        self.slider.blockSignals(True)
        at = len(self._kept) - 1 if iteration is None else self._kept.index(iteration)
        self.slider.setValue(at)
        self.slider.blockSignals(False)
        self._write()
        self.chosen.emit(iteration)
        self._preview()

    def close_down(self) -> None:
        """Take the layer away, wait for a preview, follow nothing."""
        self._bring_back()
        self.viewpoint.close()
        self._working.close()
        self.mask.remove()

    def _on_slider(self, at: int) -> None:
        if 0 <= at < len(self._kept):
            self.go_to(self._kept[at])

    def _use(self) -> None:
        iteration = self.iteration
        if iteration is None or self._cockpit.busy or self._cockpit.result is None:
            return
        if not self._in_front():
            return
        if self._cockpit.decisions():
            from napari_osuda.session.review.wording import iteration_question

            ask(self, iteration_question(), {f"Use iteration {iteration}": self._use_chosen})
        else:
            self._use_chosen()

    def _use_chosen(self) -> None:
        iteration = self.iteration
        if iteration is None or self._cockpit.busy or self._cockpit.result is None:
            return
        if not self._in_front():
            return
        self.go_to(None)
        self._cockpit.use_iteration(iteration)

    def _in_front(self) -> bool:
        """Whether it is the run's own patient that is seen; where not, the case is shown, which is said."""
        cockpit = self._cockpit
        cases = () if cockpit.run is None else cockpit.run.job.cases
        paths = [source.path for case in cases for source in case.sources if source.path is not None]
        covering = cockpit.images.uncover(self._viewer, paths)
        if covering:
            self.note.tell(other_patient(covering, cockpit.case))
        return not covering

    def _preview(self) -> None:
        from napari_osuda.session import can_preview

        run, image = self._cockpit.run, self._cockpit.image
        if self.iteration is None or run is None or image is None:
            return
        if not can_preview(run.job.model.card):
            self.note.tell("This model segments whole volumes: use the iteration to see its mask.")
            return
        self.mask.locate()
        index = self.mask.current()
        if index is None:
            self.note.tell(other_plane(run, "the mask of an iteration"))
            return
        # While one is computed only the last that was asked for meanwhile is kept.
        free = self._wanted is None
        self._wanted = (self.iteration, index)
        if free:
            self._compute()

    def _compute(self) -> None:
        timeline, previewer, wanted = self._cockpit.timeline, self._cockpit.previewer, self._wanted
        assert timeline is not None
        assert previewer is not None
        assert wanted is not None
        iteration, index = wanted
        began = time.monotonic()
        self._working.run(lambda: (wanted, previewer.labels(timeline.state(iteration), 0, index), began))

    def _on_done(self, answer: tuple[tuple[int, int], Any, float]) -> None:
        done, labels, began = answer
        wanted, self._wanted = self._wanted, None
        if self.iteration is None or self.mask.geometry is None:
            return
        if not self.mask.seen:
            self._hide_others()
        name = self.mask.show(labels, done[1], f"iteration {done[0]}")
        self.seconds = time.monotonic() - began
        self.note.tell(f"The layer '{name}' shows the mask of this slice at that iteration, approximately.")
        if wanted is not None and wanted != done:
            self._wanted = wanted
            self._compute()

    def _hide_others(self) -> None:
        from napari.layers import Labels

        for layer in self._viewer.layers:
            if isinstance(layer, Labels) and RESULT_KEY in layer.metadata and layer.visible:
                layer.visible = False
                self._hidden.append(layer)

    def _bring_back(self) -> None:
        for layer in self._hidden:
            layer.visible = True
        self._hidden.clear()

    def _on_failed(self, error: Exception) -> None:
        self._wanted = None
        self.note.tell(explain(error))

    def _write(self) -> None:
        run = self._cockpit.run
        total = 0 if run is None else run.job.config.iterations
        at = "newest iteration" if self.iteration is None else f"iteration {self.iteration} of {total}"
        self.heading.setText(f"<b>Timeline</b>: {at}. {escape(kept_words(self._kept))}")
        usable = self.iteration is not None and self._cockpit.result is not None and not self._cockpit.busy
        self.use_button.setText(
            "&Use this iteration" if self.iteration is None else f"&Use iteration {self.iteration}"
        )
        enable(
            self.use_button,
            "Makes this iteration the result: masks, model and report. Any other can be used after it.",
            "" if usable else "Choose an iteration on the slider, once the run has ended.",
        )
        enable(
            self.latest_button,
            "Shows the newest iteration again",
            "" if self.iteration is not None else "The newest iteration is shown.",
        )


def kept_words(kept: tuple[int, ...]) -> str:
    """Which iterations are kept."""
    if not kept:
        return ""
    if len(kept) == 1:
        return f"Iteration {kept[0]} is kept."
    if kept == tuple(range(1, len(kept) + 1)):
        return f"All {len(kept)} iterations are kept."
    step = kept[0]
    if len(kept) > 3 and kept[:-1] == tuple(range(step, step * len(kept), step)):
        return f"Iterations {step}, {2 * step}, ... {kept[-2]} and {kept[-1]} are kept."
    return f"Iterations {', '.join(map(str, kept))} are kept."
