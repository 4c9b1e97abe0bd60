"""OSUDA: Adapt, from a source model and open images to masks before and after."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QVBoxLayout

from napari_osuda.errors import OsudaError
from napari_osuda.widgets._background import Background
from napari_osuda.widgets._channel_panel import ChannelPanel
from napari_osuda.widgets._column import Column, scrolled
from napari_osuda.widgets._docked import DockedWidget
from napari_osuda.widgets._folder_panel import FolderPanel
from napari_osuda.widgets._model_panel import ModelPanel
from napari_osuda.widgets._outcome_panel import OutcomePanel
from napari_osuda.widgets._run_panel import RunPanel
from napari_osuda.widgets._theme import Palette
from napari_osuda.widgets._words import WrappedLabel, error_sentence

if TYPE_CHECKING:
    from napari_osuda.models import SourceModel
    from napari_osuda.session import After, Before, Finished, Job, State

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
    folder, and one that was painted in stays as ``after (edited)``. Closing the widget ends a run under way.
    """

    def __init__(self, napari_viewer: Any) -> None:
        # Where the display is drawn by software, torch's compiler must not be met for the first time inside
        # an optimiser: the two LLVMs in one process can then crash each other.
        import torch._dynamo  # noqa: F401

        from napari_osuda.widgets._layers import ResultLayers
        from napari_osuda.widgets._settings_panel import SettingsPanel

        super().__init__(napari_viewer)
        self.setWindowTitle("OSUDA: Adapt")
        self.setMinimumWidth(280)
        colours = self.colours()
        self.model_panel = ModelPanel(colours)
        self.channel_panel = ChannelPanel(napari_viewer)
        self.settings_panel = SettingsPanel()
        self.folder_panel = FolderPanel()
        self.run_panel = RunPanel(colours)
        self.outcome_panel = OutcomePanel(colours)
        self.note = WrappedLabel()
        self.results = ResultLayers(napari_viewer)
        self._preparing = Background(self)
        self._image: Any = None
        # How the run under way has ended, until its thread is through and another may begin.
        self._ending = ("failed", "")
        self._arrange()
        self._say("")

        self.model_panel.chosen.connect(self._on_model)
        self.channel_panel.changed.connect(self._on_input)
        self.run_panel.adapt.connect(self.adapt)
        self.run_panel.pause.connect(lambda: self.cockpit.controller.pause())
        self.run_panel.resume.connect(lambda: self.cockpit.controller.resume())
        self.run_panel.stop.connect(self._stop)
        self.outcome_panel.preferred.connect(self.results.prefer)
        self.outcome_panel.save_mask.connect(self._ask_mask)
        self.outcome_panel.save_model.connect(self._ask_model)
        self.outcome_panel.open_report.connect(self._open_report)
        self._preparing.done.connect(self._start)
        self._preparing.failed.connect(lambda error: self._fail(error_sentence(error)))
        assert self.cockpit.controller is not None
        self._listen()
        self._on_input()
        _look_radiological(self.viewer)

    # What others may call

    def choose_model(self, path: Path | str) -> None:
        """Load a source model as if it had been chosen in the list or dropped."""
        self.model_panel.open(path)

    def adapt(self) -> None:
        """Begin a run with what has been chosen; failures are told in the panel."""
        if self.cockpit.busy or self._preparing.busy or self.model_panel.model is None:
            return
        layers = self.channel_panel.layers()
        try:
            config = self.settings_panel.config()
        except OsudaError as error:
            self._fail(str(error))
            return
        self._say("")
        self.outcome_panel.show_result(None)
        self.run_panel.set_state("loading", "reading the layers")
        self._image = next(iter(layers.values()))
        reference, out = self.channel_panel.reference_layer(), self.folder_panel.path()
        method, device = self.settings_panel.method.currentText(), self.settings_panel.device.currentText()
        model = self.model_panel.model

        def make() -> Job:
            from napari_osuda.session import Job
            from napari_osuda.widgets._layers import case_of_layers, reference_of_layer

            case = case_of_layers(layers)
            labels = None
            if reference is not None:
                labels = reference_of_layer(reference, case)
                if sum(value != 0 for value in model.card.labels) == 1:
                    # The model knows a single label: whatever a person drew is that.
                    labels = (labels != 0).astype("uint8") * max(model.card.labels)
            return Job(model, (case,), config, method, (labels,), device, out)

        self._preparing.run(make)

    def save_mask(self, path: Path | str) -> None:
        """Write the chosen mask, with what was painted in its layer since, in the space of the scan."""
        from napari_osuda.imaging import write_labels

        result, choice = self.cockpit.result, self.outcome_panel.choice
        if result is None or not result.cases:
            return
        case = result.cases[0]
        labels = self.results.labels(choice)
        if labels is None:
            labels = case.before if choice == "before" or case.after is None else case.after
        self._try(lambda: write_labels(path, labels, case.case.grid), f"Saved the mask '{choice}' as {path}.")

    def save_model(self, path: Path | str) -> None:
        """Write the adapted model as a model folder."""
        from napari_osuda.models import save_model

        result = self.cockpit.result
        if result is None or result.network is None:
            return
        provenance = {
            "method": result.job.method,
            "settings": result.job.config.to_dict(),
            "ended": result.ended,
        }
        network, source = result.network, result.job.model
        self._try(
            lambda: save_model(path, network, source, provenance), f"Saved the adapted model in {path}."
        )

    # How it looks

    def _arrange(self) -> None:
        inside = Column()
        inner = QVBoxLayout(inside)
        inner.setContentsMargins(6, 4, 6, 4)
        for title, panel in (
            ("1. Source model", self.model_panel),
            ("2. Images", self.channel_panel),
            ("3. Method", self.settings_panel),
            ("4. Run folder", self.folder_panel),
        ):
            inner.addWidget(WrappedLabel(f"<b>{title}</b>"))
            inner.addWidget(panel)
        inner.addStretch(1)
        self.scroller = scrolled(inside)
        # State and buttons stay in sight, wherever the settings are scrolled to.
        below = QVBoxLayout()
        below.setContentsMargins(6, 0, 6, 4)
        for widget in (self.run_panel, self.note, self.outcome_panel):
            below.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.scroller, 1)
        layout.addLayout(below)

    def set_colours(self, colours: Palette) -> None:
        """Follow napari's theme."""
        for panel in (self.model_panel, self.run_panel, self.outcome_panel):
            panel.set_colours(colours)

    # What happens

    def _listen(self) -> None:
        feed = self.cockpit.feed
        assert feed is not None
        self._links = (
            (feed.state_changed, self._on_state),
            (feed.progressed, self.run_panel.set_progress),
            (feed.noted, self._on_noted),
            (feed.started, self._on_started),
            (feed.before_ready, self._on_before),
            (feed.after_ready, self._on_after),
            (feed.finished, self._on_finished),
            (feed.failed, self._on_failed),
        )
        for signal, slot in self._links:
            signal.connect(slot)

    def tear_down(self) -> None:
        """End a run under way and listen no more."""
        self.model_panel.close_down()
        self._preparing.close()
        self.cockpit.end_run()
        for signal, slot in self._links:
            signal.disconnect(slot)
        self.channel_panel.close_down()

    def _on_model(self, model: SourceModel | None) -> None:
        self.channel_panel.set_channels(() if model is None else model.card.channels)

    def _on_input(self) -> None:
        from napari_osuda.widgets._layers import case_name

        missing, layers = self.channel_panel.missing, self.channel_panel.layers()
        if self.model_panel.model is None:
            why = "choose a source model first"
        elif missing:
            why = f"choose a layer for {', '.join(missing)}"
        else:
            why = ""
        self.run_panel.set_ready(not why, why)
        if layers and not self.cockpit.busy:
            self.folder_panel.set_case(case_name(layers))
        others = self.channel_panel.others()
        if not self.cockpit.busy and self.run_panel.state in ("idle", "done", "stopped"):
            told = [f"'{name}' is not {channel.upper()}" for channel, name in others.items()]
            self._say(f"{' and '.join(told)}: the model will be adapted to another contrast." if told else "")

    def _stop(self) -> None:
        if self._preparing.busy:
            self._preparing.close()
            self.run_panel.set_state("idle")
        self.cockpit.controller.stop()

    def _start(self, job: Job) -> None:
        try:
            self.cockpit.start(job)
        except RuntimeError as error:
            self._fail(str(error))

    def _on_state(self, state: State) -> None:
        if state.value in ("done", "failed"):
            self.run_panel.set_state(*self._ending)
            self.folder_panel.renew()
        else:
            self.run_panel.set_state(state.value)

    def _on_noted(self, text: str) -> None:
        self._say(text)

    def _on_started(self, _: object) -> None:
        job = self.cockpit.controller.job
        assert job is not None
        self.results.begin(self._image, job.model.card)

    def _on_before(self, event: Before) -> None:
        self.results.show_before(event.labels)

    def _on_after(self, event: After) -> None:
        self.results.show_after(event.labels)

    def _on_finished(self, event: Finished) -> None:
        result = event.result
        self.outcome_panel.show_result(result)
        self.results.prefer(self.outcome_panel.choice)
        if result.outcome != "failed":
            word = "done" if result.outcome == "done" else "stopped"
            steps = f"{len(result.reports)} of {result.job.config.iterations} iterations"
            kept = f"; kept in {result.folder}" if result.folder is not None else ""
            self._ending = (word, steps + kept)

    def _on_failed(self, sentence: str) -> None:
        self._ending = ("failed", sentence)

    def _fail(self, sentence: str) -> None:
        self.run_panel.set_state("failed", sentence)

    def _say(self, text: str) -> None:
        self.note.setText(escape(text))
        self.note.setVisible(bool(text))

    def _try(self, action: Any, done: str) -> None:
        try:
            action()
        except (OsudaError, OSError) as error:
            self._say(error_sentence(error))
        else:
            self._say(done)

    def _ask_mask(self) -> None:
        result = self.cockpit.result
        if result is not None and result.cases:
            name = f"{result.cases[0].case.name}_{self.outcome_panel.choice}.nii.gz"
            path, _ = QFileDialog.getSaveFileName(self, "Save the mask", name, "NIfTI (*.nii.gz *.nii)")
            if path:
                self.save_mask(path if path.endswith((".nii", ".nii.gz")) else path + ".nii.gz")

    def _ask_model(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the adapted model as a folder")
        if path:
            self.save_model(path)

    def _open_report(self) -> None:
        report = self.outcome_panel.report
        if report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))


def _look_radiological(viewer: Any) -> None:
    """Anterior up, the patient's right on the left of the screen, where our reader has laid the axes out."""
    from napari_osuda.imaging.world import METADATA_KEY

    if any(METADATA_KEY in layer.metadata for layer in viewer.layers):
        viewer.scene.camera.orientation2d = ("up", "left")
