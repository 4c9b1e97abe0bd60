"""OSUDA: Review, where a person judges the masks slice by slice and signs the final one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog

from napari_osuda.errors import OsudaError
from napari_osuda.session.review.log import Plane
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.widgets.cockpit.docked import DockedWidget
from napari_osuda.widgets.qt.dropped import dropped
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.window import share_place
from napari_osuda.widgets.review.acts import ReviewActs
from napari_osuda.widgets.review.arrivals import Arrivals
from napari_osuda.widgets.review.comparison import Comparison
from napari_osuda.widgets.review.desk import Desk
from napari_osuda.widgets.review.keys import REDO, UNDO, Key, ReviewKeys
from napari_osuda.widgets.review.layers import ReviewLayers
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.reference import ReferenceView
from napari_osuda.widgets.review.signing import Signing

__all__ = ["ReviewWidget", "keys_of"]


class ReviewWidget(DockedWidget):
    """Compare two masks, decide slice by slice, save the final mask.

    It takes the run that has just ended in this viewer, or the run folder whose layers are open.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose layers are reviewed.

    Attributes
    ----------
    runs : list of ReviewRun
        The worklist.
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
        self.runs: list[ReviewRun] = []
        self.signing = Signing(self.desk, self.page, self)
        self.arrivals = Arrivals(self.viewer, self.cockpit, self.layers)
        self._placed = False
        self.keys = ReviewKeys(napari_viewer, keys_of(self))
        self.page.legend.set_keys(self.keys.keys)
        self._connect()
        self._show_nothing()
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
        # A folder that is opened again has one place on the list.
        self.runs = [other for other in self.runs if run.folder is None or other.folder != run.folder]
        self.runs.append(run)
        self.open_case(run, run.record.last_case or run.names[0])

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
            self.keys.bind_layer(layer, (UNDO, REDO))
        self.page.set_case(review.case)
        self.page.reference.refresh()
        self.viewer.scene.camera.orientation2d = ("up", "left")
        self.compare("overlay")
        place = run.record.place(name) or {}
        plane: Plane = place["plane"] if place.get("plane") in review.axes else review.case.plane
        shown = self.layers.planes[plane]
        index = int(place.get("slice", desk.table(plane).change.changed.argmax()))
        self.layers.go_to(plane, shown.index(min(max(index, 0), shown.count - 1)))
        desk.plane = plane
        self._show_plane()
        self._on_place()
        desk.tell(" ".join(missing), bool(missing))

    def next_case(self) -> None:
        """Go to the next case on the worklist."""
        cases = self._cases()
        if self.run is None or self.review is None or len(cases) < 2:
            self.desk.tell("There is no other case on the worklist.")
            return
        at = cases.index((self.run, self.review.case.name))
        self.open_case(*cases[(at + 1) % len(cases)])

    def go_to_next(self, wanted: str, backwards: bool = False) -> None:
        """Go to the next changed, flagged or undecided slice."""
        if self.review is None:
            return
        step = self.page.slices.next(wanted, self.desk.step, backwards)
        if step is None:
            self.desk.tell(f"No slice of this plane is {wanted}.")
        else:
            self.desk.go_to(step)

    def edit(self, editing: bool) -> None:
        """Open the final mask for painting, or lock it."""
        if self.review is None:
            return
        if editing:
            self.compare("final")
            self.desk.tell("Paint in the layer 'final'; every stroke is recorded. Edit (I) again locks it.")
        self.layers.edit(editing)
        self.page.decide.edit.setChecked(editing)

    def compare(self, mode: str) -> None:
        """Enter a way to look, a key of `napari_osuda.widgets.review.comparison.MODES`."""
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
            self._show_plane()

    # What happens

    def _connect(self) -> None:
        page, decide, acts, desk = self.page, self.page.decide, self.acts, self.desk
        desk.told.connect(page.tell)
        desk.decided.connect(self._show_decisions)
        page.open_button.clicked.connect(self._ask_folder)
        page.case.activated.connect(lambda row: self.open_case(*self._cases()[row]))
        for combo in (page.case, page.reference.combo, page.reference.map):
            combo.activated.connect(combo.clearFocus)
        page.slices.went.connect(desk.go_to)
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
        self.signing.saved.connect(self._fill_worklist)
        self.arrivals.came.connect(self.open_run)
        self.arrivals.refused.connect(lambda sentence: desk.tell(sentence, True))
        dims, layers = self.viewer.dims.events, self.viewer.layers.events
        self._events = (
            (dims.point, self._on_place), (dims.order, self._on_place), (dims.ndisplay, self._on_place),
            (layers.inserted, page.reference.refresh),
            (layers.removed, self._on_removed), (layers.removed, page.reference.refresh),
        )  # fmt: skip
        for event, slot in self._events:
            event.connect(slot)

    def blink(self, held: bool) -> None:
        """Show the source's mask alone for as long as a key is held."""
        if self.review is not None:
            self.comparison.blink(held)

    def _on_reference(self, layer: Any) -> None:
        if self.reference.take_layer(layer):
            self._show_plane()

    def _on_map(self, which: str) -> None:
        self.compare("error" if which else "overlay")
        self.reference.show_map()

    def _on_place(self, event: object = None) -> None:
        """The viewer is elsewhere."""
        if self.review is None or not self.layers.alive:
            return
        plane = self.layers.plane()
        if plane is None:
            return
        if plane != self.desk.plane:
            self.desk.plane = plane
            self._show_plane()
        self.page.slices.follow(self.desk.step)
        self.page.decide.set_place(*self.desk.place_words())
        self.desk.passed()

    def _on_removed(self, event: Any) -> None:
        if self.review is not None and event.value is self.layers.layers.get("final"):
            # Somebody deleted the layer, or cleared the viewer: the record is safe.
            self._leave_case()
            self._show_nothing()

    def _ask_reference(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Reference labels", "", "NIfTI (*.nii *.nii.gz)")
        if path:
            self.read_reference(path)

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a run folder")
        if folder:
            self.open_folder(folder)

    # What is shown

    def _show_nothing(self) -> None:
        self.desk.run = self.desk.review = None
        self.page.set_case(None)
        self._fill_worklist()

    def _show_plane(self) -> None:
        """List the slices of the plane that the viewer shows."""
        desk = self.desk
        if desk.review is not None:
            shown = self.layers.planes[desk.plane]
            self.page.slices.set_table(desk.review, desk.table(desk.plane), shown, self.reference.errors())
            self._show_decisions()

    def _show_decisions(self) -> None:
        """Show what decisions have changed: masks, table, progress, scores."""
        desk, review = self.desk, self.desk.review
        if review is None or not self.layers.alive:
            return
        self.layers.refresh_final()
        self.page.slices.decided(self.reference.errors(("final",)))
        self.page.slices.follow(desk.step)
        done, total = review.progress(desk.plane)
        self.page.decide.set_progress(done, total, desk.plane)
        self.page.decide.set_steps(review.can_undo, review.can_redo, len(review.undecided(desk.plane)))
        self.page.decide.set_place(*desk.place_words())
        self.reference.refresh()
        self._fill_worklist()

    def _cases(self) -> list[tuple[ReviewRun, str]]:
        return [(run, name) for run in self.runs for name in run.names]

    def _fill_worklist(self) -> None:
        cases, run, review = self._cases(), self.run, self.review
        at = -1 if run is None or review is None else cases.index((run, review.case.name))
        self.page.set_worklist([f"{of.state(name)}: {name}" for of, name in cases], at)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self.page.set_colors(colors)
        self._show_decisions()

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
        self.signing.close()
        self.arrivals.close()
        self.reference.close()
        for event, slot in self._events:
            event.disconnect(slot)
        self._leave_case(closing=True)
        self.comparison.close()
        self.keys.close()


def keys_of(widget: ReviewWidget) -> list[Key]:
    """Every key of the review, in the order in which the panel lists them."""
    acts = widget.acts
    keys = [
        Key("A", "accept after", lambda: acts.decide("after")),
        Key("K", "keep before", lambda: acts.decide("before")),
        Key("I", "edit, or lock again", lambda: widget.edit(not widget.layers.editing)),
        Key("G", "flag with the comment", lambda: acts.flag()),
        Key(UNDO, "undo", acts.undo),
        Key(REDO, "redo", acts.redo),
    ]
    for key, wanted in (("J", "changed"), ("H", "flagged"), ("U", "undecided")):
        keys.append(Key(key, f"next {wanted}", partial(widget.go_to_next, wanted)))
        keys.append(Key(f"Shift-{key}", f"previous {wanted}", partial(widget.go_to_next, wanted, True)))
    for key, mode in (("W", "overlay"), ("S", "side"), ("D", "difference"), ("R", "final")):
        what = {"side": "side by side", "final": "final mask"}.get(mode, mode)
        keys.append(Key(key, what, partial(widget.compare, mode)))
    keys.append(Key("Q", "hold: before alone", partial(widget.blink, True), partial(widget.blink, False)))
    keys.append(Key("Y", "labels full, half, faint", widget.page.opacity.next_strength))
    keys.append(Key("N", "each label alone, then all", widget.page.opacity.next_alone))
    keys.append(Key("T", "next case", widget.next_case))
    return keys
