"""The case under review as the viewer shows it: opened, looked at in one mode or another, left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_osuda.errors import OsudaError
from napari_osuda.napari_layers.masks import go_to_most_changed
from napari_osuda.napari_layers.orientation import show_patient
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.reference.scoring import ReferenceView
from napari_osuda.widgets.review.sync import PanelSync
from napari_osuda.widgets.review.view.comparison import Comparison
from napari_osuda.widgets.review.worklist import Worklist

__all__ = ["CaseView"]


class CaseView(QObject):
    """Opens one case at a time, switches modes of comparison, and ends its review where its layers go.

    Parameters
    ----------
    viewer : napari.Viewer
    context : ReviewContext
        Told what is under review.
    page : ReviewPage
    reference : ReferenceView
    worklist : Worklist
        Every case that was opened.

    Attributes
    ----------
    comparison : Comparison
    sync : PanelSync
    """

    #: The layers of a case are in the viewer.
    opened = Signal()
    #: No case is under review any more, and why.
    emptied = Signal(str)

    def __init__(
        self,
        viewer: Any,
        context: ReviewContext,
        page: ReviewPage,
        reference: ReferenceView,
        worklist: Worklist,
    ) -> None:
        super().__init__()
        self._viewer, self._context, self._page = viewer, context, page
        self._reference, self._worklist = reference, worklist
        self.comparison = Comparison(context.layers)
        context.covered.connect(self.bring_back)
        self.sync = PanelSync(context, page, reference, worklist)

    def open(self, run: ReviewRun, name: str) -> None:
        """Show a case of the worklist, at the slice where its reviewer was last or that changed most."""
        self.leave()
        context, layers = self._context, self._context.layers
        try:
            review = run.review(name)
            missing = layers.show(run, name)
        except OsudaError as error:
            self.empty()
            context.tell(str(error), True)
            return
        context.run, context.review = run, review
        self.opened.emit()
        self._page.set_case(review.case)
        self._page.runs.set_case(run, name)
        self._page.reference.refresh()
        show_patient(self._viewer)
        self.compare("overlay")
        last = run.record.position(name) or {}
        plane: SlicePlane = last["plane"] if last.get("plane") in review.axes else review.case.plane
        shown = layers.planes[plane]
        change = context.table(plane).change
        # Where nothing has changed, the slice with most labels.
        most = change.changed if change.changed.any() else change.after.sum(axis=1)
        index = int(last.get("slice", most.argmax()))
        layers.go_to(plane, shown.index(min(max(index, 0), shown.count - 1)))
        if "slice" not in last:
            # The planes across it come to the middle of the change as well.
            go_to_most_changed(self._viewer, layers.layers["difference"])
        context.plane = plane
        self.sync.show_plane()
        self.follow()
        lapsed = [shown.index(index) for index in review.lapsed(plane)]
        said = [*missing, *([words.lapsed(lapsed, plane)] if lapsed else [])]
        context.tell(" ".join(said), bool(said))

    def next(self) -> None:
        """Go to the next case on the worklist."""
        context = self._context
        following = (
            None if context.review is None else self._worklist.after(context.run, context.review.case.name)
        )
        if following is None:
            context.tell(words.NO_OTHER_CASE)
        else:
            self.open(*following)

    def leave(self, closing: bool = False) -> None:
        """Write down where the reviewer is, and take the case's layers away."""
        context = self._context
        if context.review is None:
            return
        context.keep_position()
        self._page.decide.edit.setChecked(False)
        self.comparison.leave()
        context.run = context.review = None
        context.layers.clear(closing)

    def end(self) -> None:
        """The case's images or masks are gone: its review is over, and the panel says so."""
        if self._context.review is not None:
            name = self._context.review.case.name
            self.leave()
            self.empty(words.closed(name))

    def empty(self, why: str = "") -> None:
        """Show that no case is under review."""
        self._context.run = self._context.review = None
        self._page.set_case(None)
        self._page.runs.set_case(None)
        self.emptied.emit(why)
        self.sync.list_cases()

    def compare(self, mode: str) -> None:
        """Enter a mode of comparison, a key of `napari_osuda.widgets.review.words.MODES`."""
        layers = self._context.layers
        if self._context.review is None:
            return
        if self._context.others():
            self.bring_back()
        if mode != "final" and layers.editing:
            self.edit(False)
        if mode != "error":
            # Errors and masks over each other could not be told apart.
            self._page.reference.map.setCurrentIndex(0)
            layers.show_error(None)
        self.comparison.show(mode)
        self._page.modes.set_mode(mode)

    def bring_back(self) -> None:
        """Show the case again, where another patient's image is over it."""
        mode = self.comparison.mode
        if mode == "side":
            # Side by side it has images of its own, beside which no other may be.
            self.comparison.show("overlay")
        self._context.layers.to_front()
        self.compare(mode)

    def edit(self, editing: bool) -> None:
        """Open the final mask for painting, or lock it."""
        context = self._context
        if context.review is None:
            return
        editing = editing and context.in_sight()
        if editing:
            self.compare("final")
            context.tell(words.EDITING)
        context.layers.edit(editing)
        self._page.decide.edit.setChecked(editing)

    def blink(self, held: bool) -> None:
        """Show the original mask alone for as long as a key is held."""
        if self._context.review is not None:
            self.comparison.blink(held)

    def go_to_next(self, wanted: str, backwards: bool = False) -> None:
        """Go to the next changed, flagged or undecided slice."""
        context = self._context
        if context.review is None or not context.in_plane():
            return
        step = self._page.slices.next(wanted, context.step, backwards)
        if step is None:
            context.tell(words.no_such_slice(wanted))
        else:
            context.go_to(step)

    def follow(self) -> None:
        """The viewer shows another slice or plane."""
        if self._context.layers.editing and self._context.layers.plane() is None:
            # A stroke through a volume would change slices that nobody sees.
            self.edit(False)
            self._context.tell(words.LOCKED_IN_3D)
        self.sync.follow()

    def restore_layers(self, busy: bool) -> None:
        """Put a mask back that somebody has deleted; where all are gone, the review of this case is over.

        Parameters
        ----------
        busy : bool
            Whether a run goes on in this viewer, which takes the layers of the one before away.
        """
        context, layers = self._context, self._context.layers
        missing = [] if context.review is None else layers.missing()
        if not missing:
            return
        if len(missing) < len(layers.layers) and not busy:
            layers.put_back(missing)
            self.compare(self.comparison.mode)
            context.tell(words.put_back([layers.layers[role].name for role in missing]), True)
            return
        self.end()

    def read_reference(self, path: Path | str) -> None:
        """Score against the labels in a file; what is wrong with it is shown in the panel."""
        if self._reference.take_file(path):
            self.sync.show_plane()

    def take_reference_layer(self, layer: Any) -> None:
        """Score against the labels of a layer."""
        if self._reference.take_layer(layer):
            self.sync.show_plane()

    def show_error_map(self, which: str) -> None:
        """Show where a mask differs from the reference; "" shows the masks again."""
        self.compare("error" if which else "overlay")
        self._reference.show_map()

    def close(self) -> None:
        """Leave the case and the viewer as they were."""
        self._page.runs.close_down()
        self.leave(closing=True)
        self.comparison.close()
