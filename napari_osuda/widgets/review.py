"""OSUDA: Review, where a person judges the masks slice by slice and signs the final one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSettings, QTimer
from qtpy.QtWidgets import QFileDialog

from napari_osuda.errors import OsudaError
from napari_osuda.evaluation import difference
from napari_osuda.imaging import read_labels, require_same_grid
from napari_osuda.imaging.world import from_layer, grid_of_layer
from napari_osuda.session.review import Review
from napari_osuda.session.review_entries import Entry, Plane
from napari_osuda.session.review_report import write_review_report
from napari_osuda.session.review_run import RUN_KEY, ReviewRun
from napari_osuda.session.review_slices import SliceTable, slice_table
from napari_osuda.widgets._background import Background
from napari_osuda.widgets._docked import DockedWidget
from napari_osuda.widgets._review_compare import Comparison
from napari_osuda.widgets._review_keys import Key, ReviewKeys
from napari_osuda.widgets._review_layers import ReviewLayers
from napari_osuda.widgets._review_page import ReviewPage
from napari_osuda.widgets._theme import Palette
from napari_osuda.widgets._words import error_sentence

__all__ = ["ReviewWidget"]

_DONE = {"after": "Accepted after", "before": "Kept before", "edited": "Edited", "flag": "Flagged",
         "unflag": "Took the flag from"}  # fmt: skip


class ReviewWidget(DockedWidget):
    """Compare two masks, decide slice by slice, save the final mask.

    It takes the run that has just ended in this viewer, or the run folder whose layers are open.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose layers are reviewed.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setWindowTitle("OSUDA: Review")
        self.setMinimumWidth(300)
        self.page = ReviewPage(self, self.colours())
        self.layers = ReviewLayers(napari_viewer, self._on_paint)
        self.comparison = Comparison(self.layers)
        self.runs: list[ReviewRun] = []
        self.run: ReviewRun | None = None
        self.review: Review | None = None
        self.plane: Plane = "axial"
        self._tables: dict[tuple[int, str, str], SliceTable] = {}
        self._reporting = Background(self)
        self._place_timer = QTimer(self)
        self._place_timer.setSingleShot(True)
        self._place_timer.setInterval(1000)
        self._settings = QSettings("napari-osuda", "napari-osuda")
        self.page.name.setText(str(self._settings.value("reviewer", "")))
        self.keys = ReviewKeys(napari_viewer, self._key_list())
        self.page.legend.set_keys(self.keys.keys)
        self._connect()
        self._show_nothing()
        self._find_something()

    # What others may call

    def open_folder(self, folder: Path | str) -> None:
        """Review the run in a folder; a failure is told in the panel."""
        try:
            self.open_run(ReviewRun.of_folder(folder))
        except OsudaError as error:
            self._tell(str(error), bad=True)

    def open_run(self, run: ReviewRun) -> None:
        """Put a run's cases on the worklist and show the one that was last under review, or the first."""
        # A folder that is opened again has one place on the list.
        self.runs = [other for other in self.runs if run.folder is None or other.folder != run.folder]
        self.runs.append(run)
        self._fill_worklist()
        self.open_case(run, run.record.last_case or run.names[0])

    def open_case(self, run: ReviewRun, name: str) -> None:
        """Show a case of a run on the worklist, at the slice where its reviewer was last."""
        self._leave_case()
        try:
            review = run.review(name)
            missing = self.layers.show(run, name)
        except OsudaError as error:
            self._show_nothing()
            self._tell(str(error), bad=True)
            return
        self.run, self.review = run, review
        undo = ("Control-Z", "Control-Shift-Z")
        for layer in self.layers.layers.values():
            self.keys.bind_layer(layer, undo)
        self.page.set_case(review.case)
        self.page.reference.refresh()
        self.viewer.scene.camera.orientation2d = ("up", "left")
        self.comparison.show("overlay")
        self.page.modes.set_mode("overlay")
        place = run.record.place(name) or {}
        plane: Plane = place["plane"] if place.get("plane") in review.axes else review.case.plane
        table = self._table(plane)
        index = place.get("slice", int(table.change.changed.argmax()))
        shown = self.layers.planes[plane]
        self.layers.go_to(plane, shown.index(min(max(int(index), 0), shown.count - 1)))
        self._on_place()
        self._show_plane()
        self._fill_worklist()
        self._tell(" ".join(missing), bad=bool(missing))

    def next_case(self) -> None:
        """Go to the next case on the worklist."""
        cases = self._cases()
        if self.run is None or self.review is None or len(cases) < 2:
            self._tell("There is no other case on the worklist.")
            return
        at = cases.index((self.run, self.review.case.name))
        self.open_case(*cases[(at + 1) % len(cases)])

    def go_to(self, step: int) -> None:
        """Show a slice, by the viewer's number."""
        if self.review is not None:
            self.layers.go_to(self.plane, step)

    def go_to_next(self, wanted: str, backwards: bool = False) -> bool:
        """Go to the next changed, flagged or undecided slice; whether there is one."""
        if self.review is None:
            return False
        step = self.page.slices.next(wanted, self.step, backwards)
        if step is None:
            self._tell(f"No slice is {wanted} in this plane.")
            return False
        self.go_to(step)
        return True

    @property
    def step(self) -> int:
        """The viewer's number of the slice that it shows."""
        return self.layers.step(self.plane)

    @property
    def reviewer(self) -> str:
        """Who reviews."""
        return str(self.page.name.text().strip())

    def decide(self, kind: str) -> None:
        """Take "after" or "before" in the chosen slices, and go on."""
        if self.review is None:
            return
        review, slices = self.review, self._chosen()
        if self._act(lambda: review.decide(kind, self.plane, slices, self.reviewer), kind, slices):  # type: ignore[arg-type]
            going = self.page.decide.on.isChecked() and self._undecided()
            if going:
                self.go_to_next("undecided")

    def decide_rest(self, kind: str) -> None:
        """Take "after" or "before" in every slice that nobody has decided."""
        if self.review is not None:
            review, slices = self.review, self.review.undecided(self.plane)
            if slices:
                self._act(lambda: review.decide(kind, self.plane, slices, self.reviewer), kind, slices)  # type: ignore[arg-type]

    def decide_everywhere(self, kind: str) -> None:
        """Take "after" or "before" in the whole volume, whatever was decided."""
        if self.review is not None:
            review = self.review
            self._act(lambda: review.decide(kind, None, who=self.reviewer), kind, ())  # type: ignore[arg-type]

    def flag(self, whole: bool = False) -> None:
        """Flag the chosen slices or the case with the comment; without a comment a flag is taken away."""
        if self.review is None:
            return
        review, slices, comment = self.review, self._chosen(), self.page.decide.comment.text().strip()
        plane = None if whole else self.plane
        held = review.volume_flag if whole else review.flag(self.plane, slices[0])
        flagged = held is None or bool(comment)
        kind = "flag" if flagged else "unflag"
        if self._act(lambda: review.set_flag(flagged, plane, slices, comment, self.reviewer), kind, slices):
            self.page.decide.comment.clear()
            self.page.decide.comment.clearFocus()

    def edit(self, editing: bool) -> None:
        """Open the final mask for painting, or lock it."""
        if self.review is None:
            self.page.decide.edit.setChecked(False)
            return
        if editing and self.comparison.mode != "final":
            self.compare("final")
        self.layers.edit(editing)
        self.page.decide.edit.setChecked(editing)
        if editing:
            self._tell("Paint in the layer 'final'; every stroke is recorded. Edit (I) again to lock it.")

    def undo(self) -> None:
        """Take the last decision back."""
        if self.review is not None:
            self._step(self.review.undo, "Took back")

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.review is not None:
            self._step(self.review.redo, "Did again")

    def compare(self, mode: str) -> None:
        """Enter a way to look, a key of `MODES`."""
        if self.review is not None:
            if mode == "side" or self.comparison.mode == "side":
                self.layers.show_error(None)
            if mode != "final" and self.layers.editing:
                self.edit(False)
            self.comparison.show(mode)
            self.page.modes.set_mode(mode)

    def save(self) -> None:
        """Write the final mask, its table and the report into the run folder."""
        if self.run is None or self.review is None:
            return
        if not self.reviewer:
            self._tell("Enter your name: the record says who decided.", bad=True)
            self.page.name.setFocus()
            return
        run, name = self.run, self.review.case.name
        if run.folder is None:
            chosen = QFileDialog.getExistingDirectory(self, "An empty folder for this run and its review")
            if not chosen:
                return
        try:
            if run.folder is None:
                run.write_to(Path(chosen))
            self._keep_place()
            path = run.save(name, self.reviewer)
        except (OsudaError, OSError) as error:
            self._tell(error_sentence(error), bad=True)
            return
        done, total = run.best_progress(self.review)
        left = "" if done == total else f" {total - done} slices are undecided and hold the proposal."
        self._tell(f"Saved {path}.{left} Writing the report\N{HORIZONTAL ELLIPSIS}")
        self._saved = f"Saved {path}.{left} The report is beside it."
        self._fill_worklist()
        self._reporting.run(lambda: write_review_report(run))

    def set_reference(self, labels: NDArray[Any] | None) -> None:
        """Score against labels [I, J, K] on the case's grid, or no more."""
        if self.run is None or self.review is None:
            return
        name = self.review.case.name
        if labels is None:
            self.run.references.pop(name, None)
        else:
            self.run.references[name] = labels
        self._show_plane()

    # What happens

    def _connect(self) -> None:
        page, decide = self.page, self.page.decide
        page.open_button.clicked.connect(self._ask_folder)
        page.save_button.clicked.connect(self.save)
        page.case.activated.connect(lambda row: self.open_case(*self._cases()[row]))
        page.name.editingFinished.connect(lambda: self._settings.setValue("reviewer", self.reviewer))
        page.slices.went.connect(self.go_to)
        page.modes.chosen.connect(self.compare)
        page.opacity.changed.connect(lambda value, at: self.layers.set_opacities({value: at}))
        page.reference.layer_chosen.connect(self._on_reference)
        page.reference.file_wanted.connect(self._ask_reference)
        page.reference.map_chosen.connect(lambda _: self._show_error())
        decide.decided.connect(self.decide)
        decide.rest.connect(self.decide_rest)
        decide.everywhere.connect(self.decide_everywhere)
        decide.flagged.connect(self.flag)
        decide.case_flagged.connect(lambda: self.flag(whole=True))
        decide.edit_toggled.connect(self.edit)
        decide.undo.connect(self.undo)
        decide.redo.connect(self.redo)
        self._reporting.done.connect(lambda _: self._tell(self._saved))
        self._reporting.failed.connect(lambda error: self._tell(error_sentence(error), bad=True))
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
        if self.cockpit.feed is not None:
            self._on_opened()

    def _key_list(self) -> list[Key]:
        keys = [
            Key("A", "accept after", lambda: self.decide("after")),
            Key("K", "keep before", lambda: self.decide("before")),
            Key("I", "edit, or lock again", lambda: self.edit(not self.layers.editing)),
            Key("G", "flag with the comment", self.flag),
            Key("Control-Z", "undo", self.undo),
            Key("Control-Shift-Z", "redo", self.redo),
        ]
        for key, wanted in (("J", "changed"), ("H", "flagged"), ("U", "undecided")):
            keys.append(Key(key, f"next {wanted}", partial(self._go_on, wanted)))
            keys.append(Key(f"Shift-{key}", f"previous {wanted}", partial(self._go_on, wanted, True)))
        keys += [
            Key("W", "overlay", lambda: self.compare("overlay")),
            Key("S", "side by side", lambda: self.compare("side")),
            Key("D", "difference", lambda: self.compare("difference")),
            Key("R", "final mask", lambda: self.compare("final")),
            Key("Q", "hold to blink to before", lambda: self._blink(True), lambda: self._blink(False)),
            Key("T", "next case", self.next_case),
        ]
        return keys

    def _go_on(self, wanted: str, backwards: bool = False) -> None:
        self.go_to_next(wanted, backwards)

    def _blink(self, held: bool) -> None:
        if self.review is not None:
            self.comparison.blink(held)

    def _act(self, act: Any, kind: str, slices: Any) -> bool:
        """Carry a decision out, show it and say it; whether it was recorded."""
        try:
            act()
        except OsudaError as error:
            self._tell(str(error), bad=True)
            self.layers.refresh_final()
            return False
        self._show_decisions()
        where = "the whole case" if not slices or self.review is None else self._where(slices)
        self._tell(f"{_DONE[kind]} {'in ' if kind != 'flag' and kind != 'unflag' else ''}{where}.")
        return True

    def _step(self, step: Any, word: str) -> None:
        try:
            entry: Entry | None = step(self.reviewer)
        except OsudaError as error:
            self._tell(str(error), bad=True)
            return
        if entry is None:
            self._tell("There is nothing to undo." if word == "Took back" else "There is nothing to redo.")
            return
        self._show_decisions()
        where = "the whole case"
        if entry.plane is not None and self.review is not None:
            shown = self.layers.planes[entry.plane]
            where = self._where(entry.slices, entry.plane)
            self.layers.go_to(entry.plane, shown.index(entry.slices[0]))
        self._tell(f"{word}: {_DONE[entry.kind].lower()}, {where}.")

    def _on_paint(self) -> None:
        if self.review is None or not self.layers.alive:
            return
        review, plane = self.review, self.layers.plane() or self.plane
        painted: list[tuple[int, ...]] = []
        self._act(lambda: painted.append(review.commit_edit(plane, self.reviewer)), "edited", (0,))
        if painted and painted[0]:
            self._tell(f"Edited {self._where(painted[0])}.")

    def _on_place(self, event: object = None) -> None:
        """The viewer is elsewhere."""
        if self.review is None or not self.layers.alive:
            return
        plane = self.layers.plane()
        if plane is None:
            return
        if plane != self.plane:
            self.plane = plane
            self._show_plane()
        step = self.step
        self.page.slices.follow(step)
        self._tell_place(step)
        self._place_timer.start()

    def _keep_place(self) -> None:
        """Write down where the reviewer is, once it has stayed there."""
        if self.run is None or self.review is None or not self.layers.alive:
            return
        index = self.layers.planes[self.plane].index(self.step)
        now = {"plane": self.plane, "slice": index}
        if self.run.record.place(self.review.case.name) != now:
            self.run.record.set_place(self.review.case.name, self.plane, index)
            try:
                self.run.record.write()
            except OsudaError as error:
                self._tell(str(error), bad=True)

    def _on_opened(self) -> None:
        feed = self.cockpit.feed
        if feed is not None:
            feed.finished.connect(self._on_finished)

    def _on_finished(self, event: Any = None) -> None:
        result = event.result
        if any(case.after is not None for case in result.cases):
            try:
                self.open_run(ReviewRun.of_result(result))
            except OsudaError as error:
                self._tell(str(error), bad=True)

    def _on_inserted(self, event: Any) -> None:
        self._open_of_layer(event.value)

    def _on_removed(self, event: Any) -> None:
        if self.review is not None and event.value is self.layers.layers.get("final") and not self._ended:
            # Adapt clears its masks for the next run, or somebody deleted the layer: the record is safe.
            self._leave_case()
            self._show_nothing()

    def _find_something(self) -> None:
        for layer in self.viewer.layers:
            if self._open_of_layer(layer):
                return
        result = self.cockpit.result
        if result is not None and any(case.after is not None for case in result.cases):
            self.open_run(ReviewRun.of_result(result))

    def _open_of_layer(self, layer: Any) -> bool:
        """Open the run folder that a reader has made this layer of."""
        known = layer.metadata.get(RUN_KEY)
        if not known or layer.metadata.get("napari-osuda result") != "final":
            return False
        if self.run is not None and str(self.run.folder) == known["folder"] and self.layers.alive:
            return False
        self.open_folder(known["folder"])
        return True

    def _on_reference(self, layer: Any) -> None:
        if self.review is None or layer is None:
            self.set_reference(None)
            return
        case = self.review.case
        place = (layer.metadata, layer.scale, layer.translate, layer.axis_labels)
        try:
            require_same_grid(case.grid, case.name, grid_of_layer(layer.data.shape, *place), layer.name)
        except OsudaError as error:
            self._tell(str(error), bad=True)
            return
        self.set_reference(from_layer(np.asarray(layer.data), layer.metadata))

    def _ask_reference(self) -> None:
        if self.review is None:
            return
        path, _ = QFileDialog.getOpenFileName(self, "Reference labels", "", "NIfTI (*.nii *.nii.gz)")
        if path:
            self.read_reference(path)

    def read_reference(self, path: Path | str) -> None:
        """Score against the labels in a file; what is wrong with it is told in the panel."""
        if self.review is None:
            return
        case = self.review.case
        try:
            labels, grid = read_labels(path)
            require_same_grid(case.grid, case.name, grid, Path(path).name)
        except OsudaError as error:
            self._tell(str(error), bad=True)
            return
        self.set_reference(labels)

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a run folder")
        if folder:
            self.open_folder(folder)

    # What is shown

    def _show_nothing(self) -> None:
        self.run = self.review = None
        self.page.set_case(None)

    def _show_plane(self) -> None:
        """Show the table of the plane that the viewer shows."""
        if self.review is None or self.run is None:
            return
        errors = self._errors(("before", "after", "final"))
        self.page.slices.set_table(
            self.review, self._table(self.plane), self.layers.planes[self.plane], errors
        )
        self._show_decisions(errors)

    def _show_decisions(self, errors: dict[str, NDArray[np.int64]] | None = None) -> None:
        """Show what decisions have changed: masks, table, progress, scores."""
        review, run = self.review, self.run
        if review is None or run is None:
            return
        self.layers.refresh_final()
        self.page.slices.decided(self._errors(("final",)) if errors is None else errors)
        self.page.slices.follow(self.step)
        done, total = review.progress(self.plane)
        self.page.decide.set_progress(done, total, self.plane)
        self.page.decide.set_steps(review.can_undo, review.can_redo, len(review.undecided(self.plane)))
        self._tell_place(self.step)
        self.page.reference.set_scores(run.scores(review.case.name))
        self._show_error()
        self._fill_worklist()

    def _show_error(self) -> None:
        which = self.page.reference.map.currentData()
        if self.review is None or self.run is None or self.comparison.mode == "side":
            return
        reference = self.run.references.get(self.review.case.name)
        if not which or reference is None:
            self.layers.show_error(None)
            return
        masks = {
            "before": self.review.case.before,
            "after": self.review.case.after,
            "final": self.review.final,
        }
        self.layers.show_error((f"error of {which} (reference)", difference(reference, masks[which])))

    def _errors(self, masks: tuple[str, ...]) -> dict[str, NDArray[np.int64]]:
        """Wrong voxels of each slice of the plane, where there is a reference."""
        if self.review is None or self.run is None:
            return {}
        reference = self.run.references.get(self.review.case.name)
        if reference is None:
            return {}
        case = self.review.case
        all_masks = {"before": case.before, "after": case.after, "final": self.review.final}
        others = tuple(axis for axis in range(3) if axis != self.review.axes[self.plane])
        return {m: np.count_nonzero(all_masks[m] != reference, axis=others) for m in masks}

    def _table(self, plane: Plane) -> SliceTable:
        assert self.review is not None
        key = (id(self.run), self.review.case.name, plane)
        if key not in self._tables:
            self._tables[key] = slice_table(self.review.case, plane)
        return self._tables[key]

    def _tell_place(self, step: int) -> None:
        if self.review is None:
            return
        row = self.layers.planes[self.plane].index(step)
        table = self._table(self.plane)
        mm = table.position_mm[row]
        flag = self.review.flag(self.plane, row)
        told = f"Slice {step}, {mm:.0f} mm: {int(table.change.changed[row]):,} voxels changed"
        if flag is not None:
            told += f". Flagged: {flag.comment or 'no comment'}"
        self.page.decide.set_place(told, table.warnings[row])

    def _where(self, slices: Any, plane: Plane | None = None) -> str:
        plane = plane or self.plane
        if len(slices) == 1:
            return f"{plane} slice {self.layers.planes[plane].index(slices[0])}"
        return f"{len(slices)} {plane} slices"

    def _chosen(self) -> list[int]:
        shown = self.layers.planes[self.plane]
        return [shown.index(step) for step in self.page.slices.chosen(self.step)]

    def _undecided(self) -> bool:
        return self.review is not None and self.page.slices.next("undecided", self.step) is not None

    def _cases(self) -> list[tuple[ReviewRun, str]]:
        return [(run, name) for run in self.runs for name in run.names]

    def _fill_worklist(self) -> None:
        rows = [f"{name}: {run.state(name)}" for run, name in self._cases()]
        at = -1
        if self.run is not None and self.review is not None and self.run in self.runs:
            at = self._cases().index((self.run, self.review.case.name))
        self.page.set_worklist(rows, at)

    def _tell(self, text: str, bad: bool = False) -> None:
        self.page.tell(text, bad)

    def set_colours(self, colours: Palette) -> None:
        """Follow napari's theme."""
        self.page.set_colours(colours)
        self._show_decisions()

    def _leave_case(self) -> None:
        if self.review is None:
            return
        self._keep_place()
        self.page.decide.edit.setChecked(False)
        self.comparison.leave()
        self.review = None
        self.layers.clear()

    def tear_down(self) -> None:
        """Give back keys, layers and connections; what was decided is in the record."""
        self._place_timer.stop()
        self._keep_place()
        self._settings.setValue("reviewer", self.reviewer)
        self._reporting.close()
        for event, slot in self._events:
            event.disconnect(slot)
        self.cockpit.opened.disconnect(self._on_opened)
        if self.cockpit.feed is not None:
            self.cockpit.feed.finished.disconnect(self._on_finished)
        self._leave_case()
        self.keys.close()
