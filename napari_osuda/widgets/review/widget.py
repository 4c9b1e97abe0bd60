"""OSUDA: Review, where a person judges the masks slice by slice and signs the final one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog

from napari_osuda.errors import OsudaError, explain
from napari_osuda.napari_layers.orientation import show_letters
from napari_osuda.napari_layers.soon import soon
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.slices import SliceTable
from napari_osuda.widgets.cockpit.docked import DockedWidget
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.dropped import dropped
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.window import come_to_front, share_place
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.case_view import CaseView
from napari_osuda.widgets.review.commands import ReviewCommands
from napari_osuda.widgets.review.context import ReviewContext
from napari_osuda.widgets.review.incoming_runs import IncomingRuns
from napari_osuda.widgets.review.keys import Action, ReviewKeys
from napari_osuda.widgets.review.page import ReviewPage
from napari_osuda.widgets.review.reference.scoring import ReferenceView
from napari_osuda.widgets.review.signing import Signing
from napari_osuda.widgets.review.view.layers import ReviewLayers
from napari_osuda.widgets.review.worklist import Worklist, first_case

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
    view : CaseView
        The case that is under review.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setWindowTitle("OSUDA: Review")
        self.setMinimumWidth(300)
        self.setAcceptDrops(True)
        self.page = ReviewPage(self, self.colors())
        self.layers = ReviewLayers(napari_viewer)
        self.context = ReviewContext(self.layers)
        self.commands = ReviewCommands(self.context, self.page)
        self.reference = ReferenceView(self.context, self.page.reference)
        self.layers.on_paint = self.commands.on_stroke
        self.worklist = Worklist()
        self.view = CaseView(napari_viewer, self.context, self.page, self.reference, self.worklist)
        self.sync = self.view.sync
        self.signing = Signing(self.context, self.page, self)
        self.incoming = IncomingRuns(self.viewer, self.cockpit, self.layers)
        self._reading = Background(self)
        self._reading.done.connect(self._on_read)
        self._reading.failed.connect(self._on_unread)
        self._wanted: ReviewRun | None = None
        self._placed = False
        show_letters(napari_viewer)
        self.keys = ReviewKeys(napari_viewer, self._actions())
        self._connect()
        self.view.empty()
        self.cockpit.reviewed = lambda: 0 if self.run is None else self.run.decisions
        self.incoming.watch()

    @property
    def run(self) -> ReviewRun | None:
        """The run under review."""
        return self.context.run

    @property
    def review(self) -> Review | None:
        """The review of the case in view."""
        return self.context.review

    # What others may call

    def open_folder(self, folder: Path | str) -> None:
        """Review the run in a folder, at once; a failure is told in the panel."""
        try:
            self.open_run(ReviewRun.of_folder(folder))
        except OsudaError as error:
            self.context.tell(str(error), True)

    def save(self) -> None:
        """Write the final mask, its table and the report into the run folder."""
        self.signing.save()

    def open_run(self, run: ReviewRun) -> None:
        """Put a run's cases on the worklist and show the one that was last under review, or the first."""
        self._wanted = None
        self.view.open(*self.worklist.add(run))

    def compare(self, mode: str) -> None:
        """Enter a mode of comparison, a key of `napari_osuda.widgets.review.words.MODES`."""
        self.view.compare(mode)

    def edit(self, editing: bool) -> None:
        """Open the final mask for painting, or lock it."""
        self.view.edit(editing)

    def read_reference(self, path: Path | str) -> None:
        """Score against the labels in a file; what is wrong with it is told in the panel."""
        self.view.read_reference(path)

    # What happens

    def _connect(self) -> None:
        page, decide, view = self.page, self.page.decide, self.view
        commands, context = self.commands, self.context
        view.opened.connect(self._bind_layers)
        view.emptied.connect(lambda why: page.set_empty(why, self.cockpit.result is not None))
        context.message.connect(page.tell)
        context.decided.connect(self.sync.show_decisions)
        page.open_button.clicked.connect(self._ask_folder)
        page.runs.opened.connect(self.incoming.take_folder)
        page.last_button.clicked.connect(self.incoming.take_result)
        page.case.activated.connect(lambda row: self.view.open(*self.worklist.items[row]))
        for combo in (page.case, page.reference.combo, page.reference.map):
            combo.activated.connect(combo.clearFocus)
        page.slices.went.connect(context.go_to)
        page.slices.selected.connect(self.sync.show_target)
        page.modes.chosen.connect(view.compare)
        page.opacity.changed.connect(lambda value, at: self.layers.set_opacities({value: at}))
        page.reference.layer_chosen.connect(view.take_reference_layer)
        page.reference.file_wanted.connect(self._ask_reference)
        page.reference.map_chosen.connect(view.show_error_map)
        decide.decided.connect(commands.decide)
        decide.rest.connect(commands.decide_rest)
        decide.everywhere.connect(commands.decide_everywhere)
        decide.flagged.connect(lambda: commands.flag())
        decide.case_flagged.connect(lambda: commands.flag(whole=True))
        decide.edit_toggled.connect(view.edit)
        decide.undo.connect(commands.undo)
        decide.redo.connect(commands.redo)
        page.name.undo.connect(commands.undo)
        self.signing.saved.connect(self.sync.list_cases)
        self.incoming.came.connect(self._on_came)
        self.incoming.gone.connect(self._on_gone)
        self.incoming.refused.connect(lambda sentence: context.tell(sentence, True))
        dims, layers = self.viewer.dims.events, self.viewer.layers.events
        self._events = (
            (dims.point, self._on_viewed), (dims.order, self._on_viewed), (dims.ndisplay, self._on_viewed),
            (layers.inserted, page.reference.refresh), (layers.inserted, self._on_inserted),
            (layers.removed, self._on_removed), (layers.removed, page.reference.refresh),
        )  # fmt: skip
        for event, slot in self._events:
            event.connect(slot)
        self.cockpit.left.connect(self._on_left)

    def _on_viewed(self, event: object = None) -> None:
        self.view.follow()

    def _on_inserted(self, event: Any) -> None:
        if self.layers.editing and self.context.others():
            # Nobody paints in a mask that is not seen.
            self.edit(False)

    def _on_removed(self, event: Any) -> None:
        if self.review is not None and event.value in self.layers.layers.values():
            # Somebody deletes a layer, or clears the viewer: once that is over one sees which.
            soon(self, self._restore_layers)

    def _restore_layers(self) -> None:
        if not self._ended:
            self.view.restore_layers(self.cockpit.busy)

    def _on_left(self) -> None:
        """The images of the run that has ended in this viewer were removed: its review is over."""
        if self.incoming.ended_here(self.run):
            self.view.end()

    def _on_came(self, run: ReviewRun) -> None:
        """Read its masks on another thread, and show them once they are there."""
        self._wanted = run
        self.context.tell(words.OPENING)
        self._reading.run(lambda: (run, *first_case(run)))

    def _on_read(self, read: tuple[ReviewRun, Review, SliceTable]) -> None:
        run, review, table = read
        if run is self._wanted:
            self.context.keep_table(review, table)
            self.open_run(run)

    def _on_unread(self, error: Exception) -> None:
        self._wanted = None
        self.context.tell(explain(error), True)

    def _on_gone(self, run: ReviewRun) -> None:
        """The images of a run were removed, or another patient's have come: its review does not stay."""
        if run is self._wanted:
            self._wanted = None
            self.context.tell("")
        if run is self.run:
            self.view.end()

    def _bind_layers(self) -> None:
        for layer in self.layers.layers.values():
            self.keys.bind_layer(layer, ("undo", "redo"))

    def _ask_reference(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, words.CHOOSE_REFERENCE, "", "NIfTI (*.nii *.nii.gz)")
        if path:
            self.read_reference(path)

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, words.OPEN_FOLDER)
        if folder:
            self.incoming.take_folder(folder)

    # What is shown

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self.page.set_colors(colors)
        self.sync.show_decisions()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take a single local file or folder."""
        if event is not None and dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Review the run folder that was dropped, or whose ``run.json`` was."""
        path = dropped(event)
        if event is not None and path is not None:
            event.acceptProposedAction()
            self.incoming.take_folder(path.parent if path.name == "run.json" else path)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Share the place of the plugin's other panels."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            soon(self, lambda: None if self._ended else share_place(self))

    def tear_down(self) -> None:
        """Give back keys, layers and connections; what was decided is in the record."""
        self.cockpit.reviewed = None
        self._reading.close()
        self.signing.close()
        self.incoming.close()
        self.reference.close()
        for event, slot in self._events:
            event.disconnect(slot)
        self.cockpit.left.disconnect(self._on_left)
        self.view.close()
        self.keys.close()

    def _actions(self) -> dict[str, Action]:
        commands, page, view = self.commands, self.page, self.view
        actions = {
            "after": Action(lambda: commands.decide("after")),
            "before": Action(lambda: commands.decide("before")),
            "edit": Action(lambda: view.edit(not self.layers.editing)),
            "flag": Action(lambda: commands.flag()),
            "undo": Action(commands.undo),
            "redo": Action(commands.redo),
            "blink": Action(partial(view.blink, True), partial(view.blink, False)),
            "strength": Action(page.opacity.next_strength),
            "alone": Action(page.opacity.next_alone),
            "case": Action(view.next),
        }
        for wanted in ("changed", "flagged", "undecided"):
            actions[f"next {wanted}"] = Action(partial(view.go_to_next, wanted))
            actions[f"previous {wanted}"] = Action(partial(view.go_to_next, wanted, True))
        actions |= {mode: Action(partial(view.compare, mode)) for mode in words.MODES}
        return {
            name: Action(partial(self._act, action.press), action.release) for name, action in actions.items()
        }

    def _act(self, press: Callable[[], None]) -> None:
        """Answer a key; what it does is said in this panel, which may be behind another."""
        if self.review is not None:
            come_to_front(self)
        press()
