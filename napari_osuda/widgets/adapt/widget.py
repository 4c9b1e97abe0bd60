"""OSUDA: Adapt, from a source model and open images to masks before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent

from napari_osuda.imaging.world import METADATA_KEY
from napari_osuda.napari_layers.orientation import show_patient
from napari_osuda.napari_layers.panels import open_panel
from napari_osuda.napari_layers.soon import soon
from napari_osuda.widgets.adapt.batch.panel import BatchPanel
from napari_osuda.widgets.adapt.batch.words import BUSY_BATCH
from napari_osuda.widgets.adapt.closing import ClosingGuard
from napari_osuda.widgets.adapt.folder_panel import FolderPanel
from napari_osuda.widgets.adapt.inputs.case_of_layers import case_name_of_layers
from napari_osuda.widgets.adapt.inputs.channel_panel import ChannelPanel
from napari_osuda.widgets.adapt.inputs.contrast_choice import ContrastChoice
from napari_osuda.widgets.adapt.inputs.opening import Opening
from napari_osuda.widgets.adapt.layout import lay_out
from napari_osuda.widgets.adapt.model.panel import ModelPanel
from napari_osuda.widgets.adapt.queue_panel import QueuePanel
from napari_osuda.widgets.adapt.readiness import readiness
from napari_osuda.widgets.adapt.results.live_preview import LivePreviewControls
from napari_osuda.widgets.adapt.results.outcome_panel import OutcomePanel
from napari_osuda.widgets.adapt.results.run_layers import RunLayers
from napari_osuda.widgets.adapt.results.saver import Saver
from napari_osuda.widgets.adapt.resume_panel import ResumePanel
from napari_osuda.widgets.adapt.run_panel import RunPanel
from napari_osuda.widgets.adapt.run_view import RunView
from napari_osuda.widgets.adapt.settings.panel import SettingsPanel
from napari_osuda.widgets.adapt.starter import Starter
from napari_osuda.widgets.adapt.welcome import Welcome
from napari_osuda.widgets.adapt.words import closing_words, other_case
from napari_osuda.widgets.cockpit.docked import DockedWidget
from napari_osuda.widgets.cockpit.slice_layers import current_slice
from napari_osuda.widgets.qt.libraries import Loading
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.window import share_place
from napari_osuda.widgets.qt.words import NoteLabel

if TYPE_CHECKING:
    from napari_osuda.models import SourceModel
    from napari_osuda.session import Job

__all__ = ["AdaptWidget"]

# Qt's own blue cannot be read on a dark window.
_TURN_OFF = " <a href='off' style='color: {}'>Turn off</a>"


class AdaptWidget(DockedWidget):
    """Choose a source model, say which layer is which channel, press Adapt, choose a mask.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose layers are adapted to, and which gets the results.

    Notes
    -----
    The masks of a run make room for the next run's; one that was painted in stays, called "edited". Closing
    the widget interrupts a run under way, which is offered to be resumed when it is opened again.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setWindowTitle("OSUDA: Adapt")
        colors = self.colors()
        self.libraries = Loading(self)
        self.opening = Opening(napari_viewer, self)
        self.welcome = Welcome(self.opening)
        self.resume_panel = ResumePanel()
        self.model_panel = ModelPanel(colors, self.libraries.when_done)
        self.channel_panel = ChannelPanel(napari_viewer)
        self.settings_panel = SettingsPanel()
        self.folder_panel = FolderPanel()
        self.run_panel = RunPanel(colors)
        self.preview_panel = LivePreviewControls(napari_viewer, self.cockpit)
        self.queue_panel = QueuePanel()
        self.starter = Starter(
            self,
            napari_viewer,
            self.cockpit,
            self.model_panel,
            self.channel_panel,
            self.settings_panel,
            self.folder_panel,
            self.queue_panel,
        )
        self.contrast_choice = ContrastChoice(self.starter.job_maker, self._current_slice)
        self.outcome_panel = OutcomePanel(colors)
        self.note = NoteLabel()
        self._layers = RunLayers(napari_viewer, self, self.cockpit, self.preview_panel)
        self.results = self._layers.results
        self.saver = Saver(self, self.cockpit, self.results, self.outcome_panel, self.note.tell)
        self.batch_panel = BatchPanel(
            self.starter.chosen, lambda: self.folder_panel.parent_folder, lambda: self.starter.busy
        )
        self.closing = ClosingGuard(self, lambda: self.cockpit.busy, lambda: closing_words(self.cockpit))
        self.run_view = RunView(
            self, self.cockpit, self.run_panel, self.outcome_panel, self._layers, self.note.tell
        )
        self._contrast, self._placed = self.settings_panel.contrast, False
        self._arrange()
        self.note.tell("")
        self._connect()
        self.set_colors(colors)

    # What others may call

    def choose_model(self, path: Path | str) -> None:
        """Load a source model as if it had been chosen in the list or dropped."""
        self.model_panel.open(path)

    def adapt(self) -> None:
        """Begin a run with what has been chosen; failures are told in the panel."""
        self.starter.adapt()

    def queue(self) -> None:
        """Let a run with what has been chosen wait for the one under way, or for the user."""
        self.starter.queue()

    def run_again(self, model: str) -> None:
        """Adapt to the images of the last run again, from its "source" model or from its "result"."""
        self.starter.run_again(model)

    def save_mask(self, path: Path | str) -> None:
        """Write the chosen mask, with what was painted in its layer since, in the space of the scan."""
        self.saver.save_mask(path)

    def save_model(self, path: Path | str) -> None:
        """Write the adapted model as a model folder."""
        self.saver.save_model(path)

    # How it looks

    def _arrange(self) -> None:
        self.scroller = lay_out(
            self,
            # The details of a result first: a button far below opens them, and they are to be seen.
            (self.welcome, self.outcome_panel.details, self.resume_panel, self.queue_panel),
            {
                "Source model": [self.model_panel],
                "Images": [self.channel_panel, self.contrast_choice],
                "Method": [self.settings_panel],
                "Run folder": [self.folder_panel],
            },
            self.batch_panel,
            (self.outcome_panel, self.run_panel, self.preview_panel, self.note),
        )
        self.preview_panel.hide()

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        chosen = (self.model_panel, self.settings_panel, self.batch_panel)
        for panel in (*chosen, self.run_panel, self.outcome_panel):
            panel.set_colors(colors)
        self._on_input()

    # What happens

    def _connect(self) -> None:
        self.libraries.core_loaded.connect(self._look)
        for threads_begin in (self.starter.preparing, self.batch_panel.under_way):
            threads_begin.connect(self.libraries.finish)
        for sentence in (self.opening.message, self.opening.failed, self.starter.message):
            sentence.connect(self.note.tell)
        self.opening.run_opened.connect(self._open_review)
        self.model_panel.chosen.connect(self._on_model)
        self.channel_panel.changed.connect(self._on_input)
        self.contrast_choice.chosen.connect(lambda name: self.settings_panel.set_values(contrast=name))
        self.contrast_choice.withdrawn.connect(self.settings_panel.reset_contrast)
        for follow in (self.contrast_choice.set_contrast, self._on_input, self.batch_panel.refresh):
            self._contrast.changed.connect(follow)
        self.note.linkActivated.connect(lambda _: self.settings_panel.set_values(contrast="off"))
        self.batch_panel.contrast_off.connect(lambda: self.settings_panel.set_values(contrast="off"))
        self.run_panel.adapt.connect(self.adapt)
        self.run_panel.queue.connect(self.queue)
        self.run_view.under_way.connect(self._on_under_way)
        self.run_panel.stop.connect(self._stop)
        self.starter.preparing.connect(self.run_view.prepare)
        self.starter.failed.connect(self.run_view.fail)
        self.resume_panel.resume.connect(self.starter.resume)
        self.outcome_panel.preferred.connect(self._layers.prefer)
        to_the_top = self.scroller.verticalScrollBar().setValue
        self.outcome_panel.details_button.toggled.connect(lambda _: to_the_top(0))
        self.cockpit.left.connect(self._on_input)
        self.batch_panel.under_way.connect(self._on_batch)
        self.outcome_panel.again.connect(self.run_again)
        self.outcome_panel.open_review.connect(self._open_review)

    def tear_down(self) -> None:
        """Leave a run under way to be resumed, and listen no more."""
        self.closing.close()
        self.libraries.close()
        self.opening.close()
        searching = (self.batch_panel, self.model_panel, self.resume_panel, self.welcome)
        for background in (*searching, self.settings_panel, self.contrast_choice):
            background.close_down()
        self.starter.close()
        self.cockpit.end_run()
        self.cockpit.left.disconnect(self._on_input)
        self.run_view.close()
        self._layers.close()
        self.channel_panel.close_down()

    def event(self, event: QEvent) -> bool:
        """Watch the dock that this is put into."""
        done = super().event(event)
        if event.type() == QEvent.Type.ParentChange and not self._ended:
            self.closing.watch()
        return done

    def showEvent(self, event: Any) -> None:
        """By now the dock is in its window, where it shares the place of the plugin's other panels."""
        super().showEvent(event)
        self.closing.watch()
        if not self._placed:
            self._placed = True
            soon(self, lambda: None if self._ended else share_place(self))

    def _look(self) -> None:
        """Look for what can only be told with the libraries: devices, runs and batches that are left."""
        self.settings_panel.look_for_devices()
        for panel in (self.resume_panel, self.welcome):
            panel.look(self.folder_panel.folders())
        self.batch_panel.look()
        self.results.warm_up()

    def _on_model(self, model: SourceModel | None) -> None:
        self.channel_panel.set_channels(() if model is None else model.card.channels)
        self.batch_panel.look_again()

    def _on_input(self, _: object = None) -> None:
        """Follow the choice of model, images and contrast."""
        model, layers = self.model_panel.model, self.channel_panel.layers()
        if any(METADATA_KEY in layer.metadata for layer in self.viewer.layers):
            show_patient(self.viewer)
        images = self.channel_panel.images
        self.welcome.setVisible(not images)
        self.model_panel.set_images([layer.name for layer in images])
        ready = readiness(
            model,
            layers,
            self.channel_panel.missing,
            self._contrast.value,
            chosen_grid=bool(self.channel_panel.preparation()[0].reference_grid),
        )
        self.run_panel.set_ready(BUSY_BATCH if self.batch_panel.running else ready.why_not)
        # By its name an image is another contrast, with another map to compare.
        named = ((id(layer), layer.name) for layer in layers.values())
        self.contrast_choice.set_input((id(model), *named), ready.doubtful)
        case = case_name_of_layers(layers) if layers else ""
        self.outcome_panel.set_other_case(other_case(case, self.cockpit, layers.values()))
        if layers and not self.cockpit.busy:
            self.folder_panel.set_case(case)
        if not self.cockpit.busy and self.run_panel.state in ("idle", "done", "stopped"):
            off = ready.substituted and self._contrast.value != "off"
            self.note.tell(" ".join(ready.remarks), _TURN_OFF.format(self.colors().blue) if off else "")

    def _stop(self) -> None:
        self.queue_panel.hold(True)
        if self.starter.give_up():
            self.run_panel.set_state("idle")
        if self.cockpit.busy:
            self.cockpit.controller.stop()

    def _on_under_way(self, under_way: bool) -> None:
        self.settings_panel.set_locked(under_way)
        self.contrast_choice.set_locked(under_way)
        self.resume_panel.setEnabled(not under_way)
        self.batch_panel.refresh()
        if not under_way:
            self.folder_panel.renew()
            if self.queue_panel.running_on and self.queue_panel.waiting:
                soon(self, self._go_on)

    def _on_batch(self, running: bool) -> None:
        self.resume_panel.setEnabled(not running)
        self.outcome_panel.set_busy(running)
        self._on_input()

    @property
    def settled(self) -> bool:
        """Whether no run is under way, and all layers of the last one are shown."""
        return self._layers.settled

    def _go_on(self) -> None:
        if not self._ended:
            self.starter.next()

    def _current_slice(self, job: Job) -> int | None:
        return current_slice(self.viewer, job, next(iter(self.channel_panel.layers().values())))

    def _open_review(self) -> None:
        open_panel(self.viewer, "OSUDA: Review")
        self.cockpit.review_wanted.emit()
