"""OSUDA: Review, where a person judges the masks slice by slice and signs the final one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSettings, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QDockWidget, QFileDialog, QMainWindow

from napari_osuda.errors import OsudaError
from napari_osuda.session.review import Review
from napari_osuda.session.review_entries import Plane
from napari_osuda.session.review_report import write_review_report
from napari_osuda.session.review_run import RESULT_KEY, RUN_KEY, ReviewRun
from napari_osuda.session.review_saving import keep_run, save_review
from napari_osuda.widgets._background import Background
from napari_osuda.widgets._docked import DockedWidget
from napari_osuda.widgets._review_acts import ReviewActs
from napari_osuda.widgets._review_compare import Comparison
from napari_osuda.widgets._review_desk import Desk
from napari_osuda.widgets._review_keys import Key, ReviewKeys
from napari_osuda.widgets._review_layers import ReviewLayers
from napari_osuda.widgets._review_page import ReviewPage
from napari_osuda.widgets._review_reference import ReferenceView
from napari_osuda.widgets._theme import Palette
from napari_osuda.widgets._words import error_sentence

__all__ = ["ReviewWidget"]

_UNDO, _REDO = "Control-Z", "Control-Shift-Z"


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
        self.page = ReviewPage(self, self.colours())
        self.layers = ReviewLayers(napari_viewer)
        self.desk = Desk(self.layers)
        self.acts = ReviewActs(self.desk, self.page)
        self.reference = ReferenceView(self.desk, self.page.reference)
        self.comparison = Comparison(self.layers)
        self.layers.on_paint = self.acts.on_stroke
        self.runs: list[ReviewRun] = []
        self._saved = ""
        self._placed = False
        self._reporting = Background(self)
        # The place is written once the reviewer has stayed somewhere, and not at every slice passed.
        self._place_timer = QTimer(self)
        self._place_timer.setSingleShot(True)
        self._place_timer.setInterval(1000)
        self._settings = QSettings("napari-osuda", "napari-osuda")
        self.page.name.setText(str(self._settings.value("reviewer", "")))
        self.keys = ReviewKeys(napari_viewer, self._key_list())
        self.page.legend.set_keys(self.keys.keys)
        self._connect()
        self._show_nothing()
        if not any(self._open_of_layer(layer) for layer in list(self.viewer.layers)):
            self._open_result()

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
        try:
            self.open_run(ReviewRun.of_folder(folder))
        except OsudaError as error:
            self.desk.tell(str(error), True)

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
            self.keys.bind_layer(layer, (_UNDO, _REDO))
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
        """Enter a way to look, a key of `napari_osuda.widgets._review_compare.MODES`."""
        if self.review is None:
            return
        if mode != "final" and self.layers.editing:
            self.edit(False)
        if mode == "side":
            # An error map would be a third picture, of nothing but itself.
            self.page.reference.map.setCurrentIndex(0)
            self.layers.show_error(None)
        self.comparison.show(mode)
        self.page.modes.set_mode(mode)

    def save(self) -> None:
        """Write the final mask, its table and the report into the run folder."""
        run, review, who = self.run, self.review, self.acts.reviewer
        if run is None or review is None:
            return
        if not who:
            self.desk.tell("Enter your name: the record says who decided.", True)
            self.page.name.setFocus()
            return
        try:
            if run.folder is None:
                chosen = QFileDialog.getExistingDirectory(self, "An empty folder for this run and its review")
                if not chosen:
                    return
                keep_run(run, Path(chosen))
            self._keep_place()
            saved = save_review(run, review.case.name, who)
        except (OsudaError, OSError) as error:
            self.desk.tell(error_sentence(error), True)
            return
        done, total = run.best_progress(review)
        left = "" if done == total else f" {total - done} slices are undecided and hold the proposal."
        beside = f" {saved.problem}" if saved.problem else ""
        if saved.segmentation is not None:
            beside = f" {saved.segmentation.name} is the same as DICOM-SEG."
        self._saved = f"Saved {saved.path}.{beside}{left} The report is beside it."
        self.page.name.clearFocus()
        self.desk.tell(f"Saved {saved.path}.{beside}{left} Writing the report\N{HORIZONTAL ELLIPSIS}")
        self._fill_worklist()
        self._reporting.run(lambda: write_review_report(run))

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
        page.save_button.clicked.connect(self.save)
        page.case.activated.connect(lambda row: self.open_case(*self._cases()[row]))
        for combo in (page.case, page.reference.combo, page.reference.map):
            combo.activated.connect(combo.clearFocus)
        page.name.returnPressed.connect(self.save)
        page.name.textChanged.connect(lambda: self._settings.setValue("reviewer", acts.reviewer))
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
        self._reporting.done.connect(lambda _: desk.tell(self._saved))
        self._reporting.failed.connect(lambda error: desk.tell(error_sentence(error), True))
        self._place_timer.timeout.connect(self._keep_place)
        dims, layers = self.viewer.dims.events, self.viewer.layers.events
        self._events = (
            (dims.point, self._on_place), (dims.order, self._on_place), (dims.ndisplay, self._on_place),
            (layers.inserted, self._on_inserted), (layers.inserted, page.reference.refresh),
            (layers.removed, self._on_removed), (layers.removed, page.reference.refresh),
        )  # fmt: skip
        for event, slot in self._events:
            event.connect(slot)
        self.cockpit.opened.connect(self._on_opened)
        self._on_opened()

    def _key_list(self) -> list[Key]:
        acts = self.acts
        keys = [
            Key("A", "accept after", lambda: acts.decide("after")),
            Key("K", "keep before", lambda: acts.decide("before")),
            Key("I", "edit, or lock again", lambda: self.edit(not self.layers.editing)),
            Key("G", "flag with the comment", lambda: acts.flag()),
            Key(_UNDO, "undo", acts.undo),
            Key(_REDO, "redo", acts.redo),
        ]
        for key, wanted in (("J", "changed"), ("H", "flagged"), ("U", "undecided")):
            keys.append(Key(key, f"next {wanted}", partial(self.go_to_next, wanted)))
            keys.append(Key(f"Shift-{key}", f"previous {wanted}", partial(self.go_to_next, wanted, True)))
        for key, mode in (("W", "overlay"), ("S", "side"), ("D", "difference"), ("R", "final")):
            what = {"side": "side by side", "final": "final mask"}.get(mode, mode)
            keys.append(Key(key, what, partial(self.compare, mode)))
        keys.append(Key("Q", "hold: before alone", partial(self._blink, True), partial(self._blink, False)))
        keys.append(Key("T", "next case", self.next_case))
        return keys

    def _blink(self, held: bool) -> None:
        if self.review is not None:
            self.comparison.blink(held)

    def _on_reference(self, layer: Any) -> None:
        if self.reference.take_layer(layer):
            self._show_plane()

    def _on_map(self, which: str) -> None:
        if which and self.comparison.mode == "side":
            at = self.page.reference.map.findData(which)
            self.compare("final")
            self.page.reference.map.setCurrentIndex(at)
        self.reference.refresh()

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
        self._place_timer.start()

    def _keep_place(self) -> None:
        """Write down where the reviewer is."""
        run, review = self.run, self.review
        if run is None or review is None or not self.layers.alive:
            return
        now = {"plane": self.desk.plane, "slice": self.desk.row}
        if run.record.place(review.case.name) == now and run.record.last_case == review.case.name:
            return
        run.record.set_place(review.case.name, self.desk.plane, self.desk.row)
        try:
            run.record.write()
        except OsudaError as error:
            self.desk.tell(str(error), True)

    def _on_opened(self) -> None:
        if self.cockpit.feed is not None:
            self.cockpit.feed.finished.connect(self._on_finished)

    def _on_finished(self, event: object = None) -> None:
        # After every other widget has heard of the end, and shows what it shows.
        QTimer.singleShot(0, self._open_result)

    def _open_result(self) -> None:
        result = self.cockpit.result
        if self._ended or result is None or all(case.after is None for case in result.cases):
            return
        try:
            self.open_run(ReviewRun.of_result(result))
        except OsudaError as error:
            self.desk.tell(str(error), True)

    def _on_inserted(self, event: Any) -> None:
        self._open_of_layer(event.value)

    def _on_removed(self, event: Any) -> None:
        if self.review is not None and event.value is self.layers.layers.get("final"):
            # Somebody deleted the layer, or cleared the viewer: the record is safe.
            self._leave_case()
            self._show_nothing()

    def _open_of_layer(self, layer: Any) -> bool:
        """Open the run folder that a reader has made this layer of."""
        known = layer.metadata.get(RUN_KEY)
        if not known or layer.metadata.get(RESULT_KEY) != "final" or layer in self.layers.layers.values():
            return False
        self.open_folder(known["folder"])
        return True

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

    def set_colours(self, colours: Palette) -> None:
        """Follow napari's theme."""
        self.page.set_colours(colours)
        self._show_decisions()

    def _leave_case(self, closing: bool = False) -> None:
        if self.review is None:
            return
        self._keep_place()
        self.page.decide.edit.setChecked(False)
        self.comparison.leave()
        self.desk.run = self.desk.review = None
        self.layers.clear(closing)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Share the place of the plugin's other panels: each needs the window's whole height."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            QTimer.singleShot(0, self._share_place)

    def _share_place(self) -> None:
        dock = self.parent()
        window = dock.parent() if isinstance(dock, QDockWidget) else None
        if self._ended or not isinstance(window, QMainWindow) or not isinstance(dock, QDockWidget):
            return
        area = window.dockWidgetArea(dock)
        for other in window.findChildren(QDockWidget):
            beside = other is not dock and window.dockWidgetArea(other) == area
            if beside and not other.isFloating() and other.windowTitle().startswith("OSUDA"):
                window.tabifyDockWidget(other, dock)
                dock.raise_()
                return

    def tear_down(self) -> None:
        """Give back keys, layers and connections; what was decided is in the record."""
        self._place_timer.stop()
        self._reporting.close()
        for event, slot in self._events:
            event.disconnect(slot)
        self.cockpit.opened.disconnect(self._on_opened)
        if self.cockpit.feed is not None:
            self.cockpit.feed.finished.disconnect(self._on_finished)
        self._leave_case(closing=True)
        self.comparison.close()
        self.keys.close()
