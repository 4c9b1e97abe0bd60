"""Drives a run on a thread of its own, for faces that must stay alive meanwhile."""

from __future__ import annotations

import enum
import threading

from psygnal import Signal

from napari_osuda.errors import RunUnderWayError, explain
from napari_osuda.session.events import After, Before, Finished, Note, Progress, Started, Step
from napari_osuda.session.job import Job
from napari_osuda.session.preview.live import LivePreview
from napari_osuda.session.preview.slices import Preview
from napari_osuda.session.run.from_iteration import RunFromIteration
from napari_osuda.session.run.run import Run

__all__ = ["Controller", "RunState"]


class RunState(enum.Enum):
    """What a controller is doing; the value is the word that a person reads."""

    IDLE = "idle"
    LOADING = "loading"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"

    @property
    def under_way(self) -> bool:
        """Whether a run that is in this state has not ended: it may be paused, or being stopped."""
        return self not in (RunState.IDLE, RunState.DONE, RunState.FAILED)


class Controller:
    """One run at a time: start, pause, resume, stop, watch.

    Signals are emitted on the run's thread; a face connects with ``thread="main"`` or copies and returns.
    ``failed`` carries a sentence for the user.
    """

    state_changed = Signal(RunState)
    progressed = Signal(Progress)
    noted = Signal(str)
    started = Signal(Started)
    stepped = Signal(Step)
    before_ready = Signal(Before)
    after_ready = Signal(After)
    finished = Signal(Finished)
    failed = Signal(str)
    previewed = Signal(Preview)

    def __init__(self) -> None:
        self._state = RunState.IDLE
        self._lock = threading.RLock()
        self._unpaused = threading.Event()
        self._unpaused.set()
        self._run: Run | RunFromIteration | None = None
        self._adaptation: Run | None = None
        self._thread: threading.Thread | None = None
        self._abandoned = False
        self._watched: tuple[int, int] | None = None

    @property
    def state(self) -> RunState:
        """The state at this moment."""
        return self._state

    @property
    def busy(self) -> bool:
        """Whether a run is under way, paused or being stopped."""
        return self._state.under_way

    @property
    def job(self) -> Job | None:
        """The job under way, or the last one."""
        return None if self._run is None else self._run.job

    @property
    def run(self) -> Run | None:
        """The adaptation under way, or the last one; what was made of its iterations since is no other."""
        return self._adaptation

    def look_at(self, case: int, index: int | None) -> None:
        """Follow this slice of a case: ``previewed`` tells its mask every few seconds. None: follow none."""
        self._watched = None if index is None else (case, index)

    def start(self, job: Job) -> None:
        """Begin a run that keeps its states; RunUnderWayError if one is under way."""
        self.launch(Run(job, keep_states=True))

    def launch(self, run: Run | RunFromIteration) -> None:
        """Begin a run that has been made ready; RunUnderWayError if one is under way."""
        with self._lock:
            if self.busy:
                raise RunUnderWayError
            # A thread that has told its last may still be on its way out.
            if self._thread is not None:
                self._thread.join()
            self._run, self._abandoned = run, False
            if isinstance(run, Run):
                self._adaptation = run
            self._unpaused.set()
            self._enter(RunState.LOADING)
            self._thread = threading.Thread(target=self._drive, args=(run,), name="osuda-run", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Pause the run after the step under way."""
        with self._lock:
            if self._state is RunState.RUNNING:
                self._unpaused.clear()
                self._enter(RunState.PAUSED)

    def resume(self) -> None:
        """Let a paused run go on."""
        with self._lock:
            if self._state is RunState.PAUSED:
                self._enter(RunState.RUNNING)
                self._unpaused.set()

    def stop(self) -> None:
        """End the run after the step under way, keeping what it has."""
        with self._lock:
            if self._run is not None and self.busy:
                self._run.stop()
                self._enter(RunState.STOPPING)
                self._unpaused.set()

    def close(self, timeout: float | None = 60.0) -> bool:
        """Leave the run where it is, ready to be resumed, and wait for the thread; whether it has ended.

        Unlike a stop this makes no masks of what has been reached, and so takes no longer than a step.
        """
        with self._lock:
            if self.busy:
                self._abandoned = True
                self._enter(RunState.STOPPING)
                self._unpaused.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            return not thread.is_alive()
        return True

    def _drive(self, run: Run | RunFromIteration) -> None:
        final = RunState.FAILED
        live, events = LivePreview(run) if isinstance(run, Run) else None, iter(run)
        try:
            for event in events:
                with self._lock:
                    if self._state is RunState.LOADING:
                        self._enter(RunState.RUNNING)
                if isinstance(event, Finished):
                    final = RunState.FAILED if event.result.outcome == "failed" else RunState.DONE
                self._tell(event)
                if live is not None and isinstance(event, Step):
                    preview = live.after_step(self._watched, event.report.eta)
                    if preview is not None:
                        self.previewed.emit(preview)
                self._unpaused.wait()
                if self._abandoned:
                    final = RunState.DONE
                    break
        except Exception as error:
            final = RunState.FAILED
            self.failed.emit(explain(error))
        finally:
            # A run that was left midway writes its state now.
            events.close()
            with self._lock:
                self._enter(final)

    def _tell(self, event: object) -> None:
        if isinstance(event, Progress):
            self.progressed.emit(event)
        elif isinstance(event, Note):
            self.noted.emit(event.text)
        elif isinstance(event, Started):
            self.started.emit(event)
        elif isinstance(event, Step):
            self.stepped.emit(event)
        elif isinstance(event, Before):
            self.before_ready.emit(event)
        elif isinstance(event, After):
            self.after_ready.emit(event)
        elif isinstance(event, Finished):
            self.finished.emit(event)
            if event.result.error is not None:
                self.failed.emit(event.result.error)

    def _enter(self, state: RunState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit(state)
