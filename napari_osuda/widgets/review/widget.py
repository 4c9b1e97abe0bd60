"""OSUDA: Review, where a person judges the masks slice by slice and signs the final one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog

from napari_osuda.errors import OsudaError
from napari_osuda.napari_layers.orientation import show_letters, show_patient
from napari_osuda.session.review.log import Plane
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.widgets.cockpit.docked import DockedWidget
from napari_osuda.widgets.qt.dropped import dropped
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.window import share_place
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.acts import ReviewActs
from napari_osuda.widgets.review.arrivals import Arrivals
from napari_osuda.widgets.review.desk import Desk
from napari_osuda.widgets.review.keys import Action, ReviewKeys
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.reference.scoring import ReferenceView
from napari_osuda.widgets.review.signing import Signing
from napari_osuda.widgets.review.sync import PanelSync
from napari_osuda.widgets.review.view.comparison import Comparison
from napari_osuda.widgets.review.view.layers import ReviewLayers
from napari_osuda.widgets.review.worklist import Worklist

__all__ = ["ReviewWidget"]


class ReviewWidget(DockedWidget):
    """Compare two masks, decide slice by slice, save the final mask.

    It takes the run that has just ended in this viewer, or the run folder whose layers are open.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose layers are reviewed.

    Attributes
    ----------
    worklist : Worklist
        Every case that was opened for review here.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setWindowTitle("OSUDA: Review")
        self.setMinimumWidth(300)
        self.setAcceptDrops(True)
        self.page = ReviewPage(self, self.colors())
        self.layers = ReviewLayers(napari_viewer)
        self.desk = Desk(self.layers)
        self.acts = ReviewActs(self.desk, self.page)
        self.reference = ReferenceView(self.desk, self.page.reference)
        self.comparison = Comparison(self.layers)
        self.layers.on_paint = self.acts.on_stroke
        self.worklist = Worklist()
        self.sync = PanelSync(self.desk, self.page, self.reference, self.worklist)
        self.signing = Signing(self.desk, self.page, self)
        self.arrivals = Arrivals(self.viewer, self.cockpit, self.layers)
        self._placed = False
        show_letters(napari_viewer)
        self.keys = ReviewKeys(napari_viewer, self._actions())
        self._connect()
        self._show_nothing()
        self.cockpit.reviewed = lambda: 0 if self.run is None else self.run.decisions
        self.arrivals.watch()

    @property
    def run(self) -> ReviewRun | None:
        """The run under review."""
        return self.desk.run

    @property
    def review(self) -> Review | None:
        """The review of the case in view."""
        return self.desk.review

    # What others may call

    def open_folder(self, folder: Path | str) -> None:
        """Review the run in a folder; a failure is told in the panel."""
        self.arrivals.take_folder(folder)

    def save(self) -> None:
        """Write the final mask, its table and the report into the run folder."""
        self.signing.save()

    def open_run(self, run: ReviewRun) -> None:
        """Put a run's cases on the worklist and show the one that was last under review, or the first."""
        self.open_case(*self.worklist.add(run))

    def open_case(self, run: ReviewRun, name: str) -> None:
        """Show a case of the worklist, at the slice where its reviewer was last or that changed most."""
        self._leave_case()
        desk = self.desk
        try:
            review = run.review(name)
            missing = self.layers.show(run, name)
        except OsudaError as error:
            self._show_nothing()
            desk.tell(str(error), True)
            return
        desk.run, desk.review = run, review
        for layer in self.layers.layers.values():
            self.keys.bind_layer(layer, ("undo", "redo"))
        self.page.set_case(review.case)
        self.page.reference.refresh()
        show_patient(self.viewer)
        self.compare("overlay")
        place = run.record.place(name) or {}
        plane: Plane = place["plane"] if place.get("plane") in review.axes else review.case.plane
        shown = self.layers.planes[plane]
        index = int(place.get("slice", desk.table(plane).change.changed.argmax()))
        self.layers.go_to(plane, shown.index(min(max(index, 0), shown.count - 1)))
        desk.plane = plane
        self.sync.show_plane()
        self._on_place()
        lapsed = [shown.index(index) for index in review.lapsed(plane)]
        told = [*missing, *([words.lapsed(lapsed, plane)] if lapsed else [])]
        desk.tell(" ".join(told), bool(told))

    def next_case(self) -> None:
        """Go to the next case on the worklist."""
        following = None
        if self.review is not None:
            following = self.worklist.after(self.run, self.review.case.name)
        if following is None:
            self.desk.tell(words.NO_OTHER_CASE)
        else:
            self.open_case(*following)

    def go_to_next(self, wanted: str, backwards: bool = False) -> None:
        """Go to the next changed, flagged or undecided slice."""
        if self.review is None or not self.desk.in_plane():
            return
        step = self.page.slices.next(wanted, self.desk.step, backwards)
        if step is None:
            self.desk.tell(words.no_such_slice(wanted))
        else:
            self.desk.go_to(step)

    def edit(self, editing: bool) -> None:
        """Open the final mask for painting, or lock it."""
        if self.review is None:
            return
        editing = editing and self.desk.in_plane()
        if editing:
            self.compare("final")
            self.desk.tell(words.EDITING)
        self.layers.edit(editing)
        self.page.decide.edit.setChecked(editing)

    def compare(self, mode: str) -> None:
        """Enter a way to look, a key of `napari_osuda.widgets.review.words.MODES`."""
        if self.review is None:
            return
        if mode != "final" and self.layers.editing:
            self.edit(False)
        if mode != "error":
            # Errors and masks over each other could not be told apart.
            self.page.reference.map.setCurrentIndex(0)
            self.layers.show_error(None)
        self.comparison.show(mode)
        self.page.modes.set_mode(mode)

    def read_reference(self, path: Path | str) -> None:
        """Score against the labels in a file; what is wrong with it is told in the panel."""
        if self.reference.take_file(path):
            self.sync.show_plane()

    # What happens

    def _connect(self) -> None:
        page, decide, acts, desk = self.page, self.page.decide, self.acts, self.desk
        desk.told.connect(page.tell)
        desk.decided.connect(self.sync.show_decisions)
        page.open_button.clicked.connect(self._ask_folder)
        page.last_button.clicked.connect(self.arrivals.take_result)
        page.case.activated.connect(lambda row: self.open_case(*self.worklist.items[row]))
        for combo in (page.case, page.reference.combo, page.reference.map):
            combo.activated.connect(combo.clearFocus)
        page.slices.went.connect(desk.go_to)
        page.slices.selected.connect(self.sync.show_target)
        page.modes.chosen.connect(self.compare)
        page.opacity.changed.connect(lambda value, at: self.layers.set_opacities({value: at}))
        page.reference.layer_chosen.connect(self._on_reference)
        page.reference.file_wanted.connect(self._ask_reference)
        page.reference.map_chosen.connect(self._on_map)
        decide.decided.connect(acts.decide)
        decide.rest.connect(acts.decide_rest)
        decide.everywhere.connect(acts.decide_everywhere)
        decide.flagged.connect(lambda: acts.flag())
        decide.case_flagged.connect(lambda: acts.flag(whole=True))
        decide.edit_toggled.connect(self.edit)
        decide.undo.connect(acts.undo)
        decide.redo.connect(acts.redo)
        self.signing.saved.connect(self.sync.list_cases)
        self.arrivals.came.connect(self.open_run)
        self.arrivals.gone.connect(self._on_gone)
        self.arrivals.refused.connect(lambda sentence: desk.tell(sentence, True))
        dims, layers = self.viewer.dims.events, self.viewer.layers.events
        self._events = (
            (dims.point, self._on_place), (dims.order, self._on_place), (dims.ndisplay, self._on_place),
            (layers.inserted, page.reference.refresh),
            (layers.removed, self._on_removed), (layers.removed, page.reference.refresh),
        )  # fmt: skip
        for event, slot in self._events:
            event.connect(slot)
        self.cockpit.left.connect(self._on_left)

    def blink(self, held: bool) -> None:
        """Show the original mask alone for as long as a key is held."""
        if self.review is not None:
            self.comparison.blink(held)

    def _on_reference(self, layer: Any) -> None:
        if self.reference.take_layer(layer):
            self.sync.show_plane()

    def _on_map(self, which: str) -> None:
        self.compare("error" if which else "overlay")
        self.reference.show_map()

    def _on_place(self, event: object = None) -> None:
        """The viewer shows something else."""
        if self.layers.editing and self.layers.plane() is None:
            # A stroke through a volume would change slices that nobody sees.
            self.edit(False)
            self.desk.tell(words.LOCKED_IN_3D)
        self.sync.follow()

    def _on_removed(self, event: Any) -> None:
        if self.review is not None and event.value in self.layers.layers.values():
            # Somebody deletes a layer, or clears the viewer: once that is over one sees which.
            QTimer.singleShot(0, self._restore_layers)

    def _on_left(self) -> None:
        """The images of the run that has ended in this viewer were removed: its review is over."""
        if self.review is not None and self.arrivals.ended_here(self.run):
            name = self.review.case.name
            self._leave_case()
            self._show_nothing(words.closed(name))

    def _restore_layers(self) -> None:
        """Put a mask back that somebody has deleted; where all are gone, the review of this case is over."""
        missing = [] if self._ended or self.review is None else self.layers.missing()
        if self.review is None or not missing:
            return
        if len(missing) < len(self.layers.layers) and not self.cockpit.busy:
            self.layers.put_back(missing)
            self.compare(self.comparison.mode)
            self.desk.tell(words.put_back([self.layers.layers[role].name for role in missing]), True)
            return
        self._end_case()

    def _on_gone(self, run: ReviewRun) -> None:
        """The images of a run were removed, or another patient's have come: its review does not stay."""
        if run is self.run:
            self._end_case()

    def _end_case(self) -> None:
        if self.review is not None:
            name = self.review.case.name
            self._leave_case()
            self._show_nothing(words.closed(name))

    def _ask_reference(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, words.CHOOSE_REFERENCE, "", "NIfTI (*.nii *.nii.gz)")
        if path:
            self.read_reference(path)

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, words.OPEN_FOLDER)
        if folder:
            self.open_folder(folder)

    # What is shown

    def _show_nothing(self, why: str = "") -> None:
        self.desk.run = self.desk.review = None
        self.page.set_case(None)
        self.page.set_empty(why, self.cockpit.result is not None)
        self.sync.list_cases()

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self.page.set_colors(colors)
        self.sync.show_decisions()

    def _leave_case(self, closing: bool = False) -> None:
        if self.review is None:
            return
        self.desk.keep_place()
        self.page.decide.edit.setChecked(False)
        self.comparison.leave()
        self.desk.run = self.desk.review = None
        self.layers.clear(closing)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take a single local file or folder."""
        if event is not None and dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Review the run folder that was dropped, or whose ``run.json`` was."""
        path = dropped(event)
        if event is not None and path is not None:
            event.acceptProposedAction()
            self.open_folder(path.parent if path.name == "run.json" else path)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Share the place of the plugin's other panels."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            QTimer.singleShot(0, lambda: None if self._ended else share_place(self))

    def tear_down(self) -> None:
        """Give back keys, layers and connections; what was decided is in the record."""
        self.cockpit.reviewed = None
        self.signing.close()
        self.arrivals.close()
        self.reference.close()
        for event, slot in self._events:
            event.disconnect(slot)
        self.cockpit.left.disconnect(self._on_left)
        self._leave_case(closing=True)
        self.comparison.close()
        self.keys.close()

    def _actions(self) -> dict[str, Action]:
        acts, page = self.acts, self.page
        actions = {
            "after": Action(lambda: acts.decide("after")),
            "before": Action(lambda: acts.decide("before")),
            "edit": Action(lambda: self.edit(not self.layers.editing)),
            "flag": Action(lambda: acts.flag()),
            "undo": Action(acts.undo),
            "redo": Action(acts.redo),
            "blink": Action(partial(self.blink, True), partial(self.blink, False)),
            "strength": Action(page.opacity.next_strength),
            "alone": Action(page.opacity.next_alone),
            "case": Action(self.next_case),
        }
        for wanted in ("changed", "flagged", "undecided"):
            actions[f"next {wanted}"] = Action(partial(self.go_to_next, wanted))
            actions[f"previous {wanted}"] = Action(partial(self.go_to_next, wanted, True))
        return actions | {mode: Action(partial(self.compare, mode)) for mode in words.MODES}
