"""OSUDA: Adapt, from a source model and open images to masks before and after."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QComboBox, QVBoxLayout

from napari_osuda.widgets.adapt.channel_panel import ChannelPanel
from napari_osuda.widgets.adapt.closing import ClosingGuard
from napari_osuda.widgets.adapt.contrast_choice import ContrastChoice
from napari_osuda.widgets.adapt.folder_panel import FolderPanel
from napari_osuda.widgets.adapt.model.panel import ModelPanel
from napari_osuda.widgets.adapt.outcome_panel import OutcomePanel
from napari_osuda.widgets.adapt.queue_panel import QueuePanel
from napari_osuda.widgets.adapt.resume_panel import ResumePanel
from napari_osuda.widgets.adapt.run_layers import RunLayers
from napari_osuda.widgets.adapt.run_panel import RunPanel
from napari_osuda.widgets.adapt.saver import Saver
from napari_osuda.widgets.adapt.starter import Starter
from napari_osuda.widgets.cockpit.docked import DockedWidget
from napari_osuda.widgets.qt.column import Column, scrolled
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.models import SourceModel
    from napari_osuda.session import Finished, Job, RunState

__all__ = ["AdaptWidget"]


class AdaptWidget(DockedWidget):
    """Choose a source model, say which layer is which channel, press Adapt, choose a mask.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose layers are adapted to, and which gets the results.

    Notes
    -----
    A run's layers ``before``, ``after`` and ``difference`` make room for the next run's; they are in the run
    folder, and one that was painted in stays as ``after (edited)``. Closing the widget leaves a run under way
    where it is, to be resumed when the widget is opened again.
    """

    def __init__(self, napari_viewer: Any) -> None:
        # Where the display is drawn by software, torch's compiler must not be met for the first time inside
        # an optimizer: the two LLVMs in one process can then crash each other.
        import torch._dynamo  # noqa: F401

        from napari_osuda.widgets.adapt.live_preview import LivePreviewControls
        from napari_osuda.widgets.adapt.settings_panel import SettingsPanel

        super().__init__(napari_viewer)
        self.setWindowTitle("OSUDA: Adapt")
        self.setMinimumWidth(280)
        colors = self.colors()
        self.resume_panel = ResumePanel()
        self.model_panel = ModelPanel(colors)
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
        self.contrast_choice = ContrastChoice(self.starter.job_maker, self._slice_in_sight)
        self.outcome_panel = OutcomePanel(colors)
        self.note = WrappedLabel()
        self._layers = RunLayers(napari_viewer, self, self.cockpit, self.preview_panel)
        self.results = self._layers.results
        self.saver = Saver(self, self.cockpit, self.results, self.outcome_panel, self._say)
        self.closing = ClosingGuard(self, lambda: self.cockpit.busy, self._closing_question)
        # How the run under way has ended, until its thread is through and another may begin.
        self._ending = ("failed", "")
        # Once: from then on the view is the user's.
        self._radiological = False
        self._arrange()
        self._say("")
        self._connect()
        self._on_input()
        self.resume_panel.look(self.folder_panel.places())

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

    def run_again(self, whence: str) -> None:
        """Adapt to the images of the last run again, from its "source" model or from its "result"."""
        self.starter.run_again(whence)

    def save_mask(self, path: Path | str) -> None:
        """Write the chosen mask, with what was painted in its layer since, in the space of the scan."""
        self.saver.save_mask(path)

    def save_model(self, path: Path | str) -> None:
        """Write the adapted model as a model folder."""
        self.saver.save_model(path)

    # How it looks

    def _arrange(self) -> None:
        inside = Column()
        inner = QVBoxLayout(inside)
        inner.setContentsMargins(6, 4, 6, 4)
        inner.addWidget(self.resume_panel)
        for title, panel in (
            ("1. Source model", self.model_panel),
            ("2. Images", self.channel_panel),
            ("3. Method", self.settings_panel),
            ("4. Run folder", self.folder_panel),
        ):
            inner.addWidget(WrappedLabel(f"<b>{title}</b>"))
            inner.addWidget(panel)
            if panel is self.channel_panel:
                inner.addWidget(self.contrast_choice)
        inner.addStretch(1)
        self.scroller = scrolled(inside)
        # State and buttons stay in sight, wherever the settings are scrolled to.
        below = QVBoxLayout()
        below.setContentsMargins(6, 0, 6, 4)
        for widget in (self.run_panel, self.preview_panel, self.queue_panel, self.note, self.outcome_panel):
            below.addWidget(widget)
        self.preview_panel.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.scroller, 1)
        layout.addLayout(below)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        for panel in (self.model_panel, self.run_panel, self.outcome_panel):
            panel.set_colors(colors)

    # What happens

    def _connect(self) -> None:
        controller = self.cockpit.controller
        self.model_panel.chosen.connect(self._on_model)
        self.channel_panel.changed.connect(self._on_input)
        self.contrast_choice.chosen.connect(lambda name: self.settings_panel.set_values(contrast=name))
        self.contrast_choice.taken_back.connect(self._take_contrast_back)
        contrast = self.settings_panel.fields["contrast"]
        assert isinstance(contrast, QComboBox)
        contrast.currentTextChanged.connect(self.contrast_choice.set_contrast)
        self.run_panel.adapt.connect(self.adapt)
        self.run_panel.queue.connect(self.queue)
        self.run_panel.pause.connect(controller.pause)
        self.run_panel.resume.connect(controller.resume)
        self.run_panel.stop.connect(self._stop)
        self.starter.preparing.connect(self._on_preparing)
        self.starter.failed.connect(self._fail)
        self.starter.told.connect(self._say)
        self.resume_panel.resume.connect(self.starter.resume)
        self.outcome_panel.preferred.connect(self._layers.prefer)
        self.outcome_panel.again.connect(self.run_again)
        self.outcome_panel.open_review.connect(self._open_review)
        feed = self.cockpit.feed
        assert feed is not None
        self._links = (
            (feed.state_changed, self._on_state),
            (feed.progressed, self.run_panel.set_progress),
            (feed.noted, self._say),
            (feed.started, self._on_started),
            (feed.before_ready, self._layers.show_before),
            (feed.after_ready, self._layers.show_after),
            (feed.previewed, self._layers.show_preview),
            (feed.finished, self._on_finished),
            (feed.failed, self._on_failed),
        )
        for signal, slot in self._links:
            signal.connect(slot)

    def tear_down(self) -> None:
        """Leave a run under way to be resumed, and listen no more."""
        self.closing.close()
        for background in (self.model_panel, self.resume_panel):
            background.close_down()
        self.contrast_choice.close_down()
        self.starter.close()
        self.cockpit.end_run()
        for signal, slot in self._links:
            signal.disconnect(slot)
        self._layers.close()
        self.channel_panel.close_down()

    def event(self, event: QEvent) -> bool:
        """Watch the dock that this is put into."""
        done = super().event(event)
        if event.type() == QEvent.Type.ParentChange and not self._ended:
            self.closing.watch()
        return done

    def showEvent(self, event: Any) -> None:
        """By now the dock is in its window."""
        super().showEvent(event)
        self.closing.watch()

    def _on_preparing(self) -> None:
        self._say("")
        self.outcome_panel.show_result(None)
        self.run_panel.set_state("loading", "reading the images")

    def _on_model(self, model: SourceModel | None) -> None:
        self.channel_panel.set_channels(() if model is None else model.card.channels)

    def _on_input(self) -> None:
        from napari_osuda.widgets.adapt.case_of_layers import case_name, grid_problem

        if not self._radiological:
            self._radiological = _look_radiological(self.viewer)
        missing, layers = self.channel_panel.missing, self.channel_panel.layers()
        if self.model_panel.model is None:
            why = "choose a source model first"
        elif missing:
            why = f"choose a layer for {', '.join(missing)}"
        else:
            why = grid_problem(layers)
        self.run_panel.set_ready(not why, why)
        model = self.model_panel.model
        of_slices = model is not None and model.card.spatial_dims == 2
        doubtful = of_slices and not why and bool(self.channel_panel.not_surely_known())
        # By its name an image is another contrast, with another map to compare.
        named = ((id(layer), layer.name) for layer in layers.values())
        self.contrast_choice.set_input((id(model), *named), doubtful)
        if layers and not self.cockpit.busy:
            self.folder_panel.set_case(case_name(layers))
        if not self.cockpit.busy and self.run_panel.state in ("idle", "done", "stopped"):
            self._say(" ".join(self._remarks(layers)))

    def _take_contrast_back(self) -> None:
        from napari_osuda.method import preset

        own = preset(self.settings_panel.method.currentText()).contrast
        self.settings_panel.set_values(contrast=own)

    def _remarks(self, layers: dict[str, Any]) -> list[str]:
        """What the user should know of the chosen layers, and that stops nothing."""
        from napari_osuda.widgets.adapt.case_of_layers import tilted, unplaced

        told = [f"'{name}' is not {channel.upper()}" for channel, name in self.channel_panel.others().items()]
        remarks = [f"{' and '.join(told)}: the model will be adapted to another contrast."] if told else []
        tilt = tilted(layers)
        if tilt is not None:
            remarks.append(
                f"'{tilt[0]}' is tilted by {tilt[1]:.1f}° against the patient's axes: it is shown "
                "straightened, slice by slice as acquired; masks are saved in its true place."
            )
        if names := unplaced(layers):
            remarks.append(
                f"'{names[0]}' does not say how it lies in the patient. It is taken as it looks on the "
                "screen, with the patient's right on the left: check that."
            )
        return remarks

    def _stop(self) -> None:
        self.queue_panel.hold(True)
        if self.starter.give_up():
            self.run_panel.set_state("idle")
        self.cockpit.controller.stop()

    def _on_state(self, state: RunState) -> None:
        ended = state.value in ("done", "failed")
        self.run_panel.set_state(*(self._ending if ended else (state.value,)))
        self.settings_panel.set_locked(not ended)
        self.contrast_choice.set_locked(not ended)
        self.outcome_panel.set_busy(not ended)
        self.resume_panel.setEnabled(ended)
        if ended:
            self._layers.end()
            self.folder_panel.renew()
            if self.queue_panel.running_on and self.queue_panel.waiting:
                QTimer.singleShot(0, self._go_on)

    @property
    def settled(self) -> bool:
        """Whether no run is under way, and all layers of the last one are shown."""
        return self._layers.settled

    def _go_on(self) -> None:
        if not self._ended:
            self.starter.next()

    def _on_started(self, _: object) -> None:
        job = self.cockpit.controller.job
        assert job is not None
        self._layers.begin(self.cockpit.image, job.model.card)

    def _on_finished(self, event: Finished) -> None:
        result = event.result
        self.outcome_panel.show_result(result)
        self._layers.prefer(self.outcome_panel.choice)
        if result.outcome != "failed":
            word = "done" if result.outcome == "done" else "stopped"
            steps = f"{len(result.reports)} of {result.job.config.iterations} iterations"
            used = f", of which {result.iteration} are used" if result.iteration is not None else ""
            kept = f"; kept in {result.folder}" if result.folder is not None else ""
            self._ending = (word, steps + used + kept)

    def _on_failed(self, sentence: str) -> None:
        self._ending = ("failed", sentence)

    def _fail(self, sentence: str) -> None:
        if self.cockpit.busy:
            self._say(sentence)
        else:
            self.run_panel.set_state("failed", sentence)

    def _say(self, text: str) -> None:
        self.note.setText(escape(text))
        self.note.setVisible(bool(text))

    def _slice_in_sight(self, job: Job) -> int | None:
        """Number of the slice that the viewer shows, in the first case of a job that is not begun."""
        from napari_osuda.imaging import SliceStack
        from napari_osuda.session import slice_spec
        from napari_osuda.widgets.cockpit.slice_layers import SlicePlace

        stack = SliceStack(job.cases[0], slice_spec(job.model.card))
        image = next(iter(self.channel_panel.layers().values()))
        return SlicePlace(stack, image).current(self.viewer)

    def _open_review(self) -> None:
        self.viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Review")
        self.cockpit.review_wanted.emit()

    def _closing_question(self) -> str:
        job, history = self.cockpit.controller.job, self.cockpit.history
        done = 0 if history is None else len(history)
        total = "" if job is None else f" of {job.config.iterations}"
        kept = (
            ""
            if job is None or job.out is None
            else f" What it has reached is kept in {job.out}, and OSUDA: Adapt offers to go on with it."
        )
        return f"An adaptation is under way (iteration {done}{total}). Close all the same?{kept}"


def _look_radiological(viewer: Any) -> bool:
    """Turn the picture as the user likes it, once; whether our reader's layers are there."""
    from napari_osuda.imaging.world import METADATA_KEY
    from napari_osuda.napari_layers.orientation import show_patient

    if any(METADATA_KEY in layer.metadata for layer in viewer.layers):
        show_patient(viewer)
        return True
    return False
