"""From the panels' choices to a run that begins now, waits for another, or is resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_osuda.errors import OsudaError, explain
from napari_osuda.widgets.adapt.folder_panel import FolderPanel
from napari_osuda.widgets.adapt.inputs.case_of_layers import grid_problem, layer_of_file, layers_of_case
from napari_osuda.widgets.adapt.inputs.channel_panel import ChannelPanel
from napari_osuda.widgets.adapt.model.panel import ModelPanel
from napari_osuda.widgets.adapt.queue_panel import QueuePanel, Waiting
from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.qt.background import Background

if TYPE_CHECKING:
    from napari_osuda.method import AdaptationConfig
    from napari_osuda.session import Job, Unfinished
    from napari_osuda.widgets.adapt.settings.panel import SettingsPanel

__all__ = ["Starter"]


class Starter(QObject):
    """Makes jobs off the GUI thread and begins them, one at a time.

    Parameters
    ----------
    parent : QObject
    viewer : napari.Viewer
        Where the images of a run that is resumed are opened.
    cockpit : Cockpit
        Which carries the runs out.
    model, channels, settings, folder, queue : panels
        What has been chosen, and the runs that wait.
    """

    #: A job is being made, and will begin.
    preparing = Signal()
    #: A sentence on why no run begins; or one on something else that did not work.
    failed = Signal(str)
    message = Signal(str)

    def __init__(
        self,
        parent: QObject,
        viewer: Any,
        cockpit: Cockpit,
        model: ModelPanel,
        channels: ChannelPanel,
        settings: SettingsPanel,
        folder: FolderPanel,
        queue: QueuePanel,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._cockpit = viewer, cockpit
        self._model, self._channels, self._settings = model, channels, settings
        self._folder, self._queue = folder, queue
        self._preparing, self._queueing = Background(self), Background(self)
        # What is done with the job that is being prepared.
        self._begin: Callable[[Job], None] = self._start
        self._preparing.done.connect(lambda job: self._begin(job))
        self._preparing.failed.connect(lambda error: self.failed.emit(explain(error)))
        self._queueing.done.connect(self._on_queued)
        self._queueing.failed.connect(lambda error: self.message.emit(explain(error)))
        queue.go_on.connect(self.next)

    @property
    def busy(self) -> bool:
        """Whether a run is under way or about to begin."""
        return self._cockpit.busy or self._preparing.busy

    def adapt(self) -> None:
        """Begin a run with what has been chosen."""
        if not self._cockpit.busy:
            self._prepare(self.job_maker(), self._image())

    def queue(self) -> None:
        """Let a run with what has been chosen wait for the one under way, or for the user."""
        if self._queueing.busy:
            self.message.emit("The last run is still being put in the queue. Press again in a moment.")
            return
        make, image = self.job_maker(), self._image()
        if make is not None:
            self._queueing.run(lambda: Waiting(make(), image))

    def run_again(self, model: str) -> None:
        """Adapt to the images of the last run again, from its "source" model or from its "result"."""
        from napari_osuda.widgets.adapt.jobs import rerun_job

        result, choices = self._cockpit.result, self._choices()
        if result is None or choices is None or self._cockpit.busy:
            return
        on_result = model == "result"
        if on_result and result.folder is not None:
            self._model.open(result.folder / "model")
        self._prepare(lambda: rerun_job(result, *choices, on_result=on_result), self._cockpit.image)

    def resume(self, unfinished: Unfinished) -> None:
        """Resume a run that was interrupted, on its images, opened if they are not."""
        from napari_osuda.widgets.adapt.jobs import job_of_unfinished

        reference = self._channels.reference_layer()
        self._prepare(lambda: job_of_unfinished(unfinished, reference), None)

    def next(self) -> None:
        """Begin the first of the waiting runs, once none is under way."""
        if self.busy:
            return
        waiting = self._queue.take()
        if waiting is not None:
            self._queue.hold(False)
            self.preparing.emit()
            self._start(waiting.job, waiting.image)

    def give_up(self) -> bool:
        """Make no job of what is being prepared; whether there was anything."""
        busy = self._preparing.busy
        self._preparing.close()
        return busy

    def close(self) -> None:
        """Wait for what is being prepared, and tell nothing of it."""
        self._preparing.close()
        self._queueing.close()

    def job_maker(self) -> Callable[[], Job] | None:
        """What makes the job of the choices, for another thread; None where they are none, which is told."""
        from napari_osuda.widgets.adapt.jobs import job_of_layers

        model, layers = self._model.model, self._channels.layers()
        if model is None or self._channels.missing:
            return None
        choices = self._choices()
        if choices is None:
            return None
        prepared = self._channels.preparation()
        problem = grid_problem(layers, chosen=bool(prepared[0].reference_grid))
        if problem:
            self.failed.emit(problem)
            return None
        reference = self._channels.reference_layer()
        return lambda: job_of_layers(model, layers, reference, *choices, prepared)

    def _image(self) -> Any:
        return next(iter(self._channels.layers().values()), None)

    def _choices(self) -> tuple[Any, str, str, Path] | None:
        """Settings, method, device and run folder; None where a setting cannot be, which is told."""
        panel = self._settings
        try:
            config = panel.config()
        except OsudaError as error:
            self.failed.emit(str(error))
            return None
        return config, panel.method.currentText(), panel.device.currentText(), self._free_folder()

    def chosen(self) -> tuple[Any, AdaptationConfig, str, str]:
        """Model (or None), settings, method and device as they stand.

        Raises
        ------
        ConfigError
            A setting cannot be.
        """
        panel = self._settings
        return self._model.model, panel.config(), panel.method.currentText(), panel.device.currentText()

    def _free_folder(self) -> Path:
        """The run folder as chosen, or one beside it where a waiting run has it already."""
        path = self._folder.path()
        taken = {waiting.job.out for waiting in self._queue.waiting}
        if self._cockpit.busy and self._cockpit.controller.job is not None:
            taken.add(self._cockpit.controller.job.out)
        free, number = path, 2
        while free in taken:
            free, number = path.with_name(f"{path.name}-{number}"), number + 1
        return free

    def _prepare(self, make: Callable[[], Job] | None, image: Any) -> None:
        """Make a job, and begin it; ``image`` None finds or opens the job's own files."""
        if make is None or self.busy:
            return
        self.preparing.emit()
        self._begin = self._start_on_files if image is None else lambda job: self._start(job, image)
        self._preparing.run(make)

    def _start_on_files(self, job: Job) -> None:
        paths = [source.path for source in job.cases[0].sources if source.path is not None]
        for path in dict.fromkeys(paths):
            if layer_of_file(self._viewer.layers, path.absolute()) is None:
                self._viewer.open(str(path), plugin="napari-osuda")
        self._model.open(job.model.path)
        self._start(job, layer_of_file(self._viewer.layers, paths[0].absolute()))

    def _start(self, job: Job, image: Any = None) -> None:
        if job.out is not None:
            self._folder.remember(job.out)
        try:
            self._cockpit.start(job, image)
            self._cockpit.images.watch(self._viewer, layers_of_case(self._viewer.layers, job.cases[0], image))
        except OsudaError as error:
            self.failed.emit(str(error))

    def _on_queued(self, waiting: Waiting) -> None:
        self._queue.hold(not self.busy)
        self._queue.add(waiting)
