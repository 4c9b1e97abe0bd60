"""The slice on screen while a run goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_osuda.session.preview.slices import Preview, Previewer, can_preview

if TYPE_CHECKING:
    from napari_osuda.session.run.run import Run

__all__ = ["LivePreview"]

# What a live preview may cost of the run's time, and the least time between two, in seconds.
_SHARE, _LEAST = 0.04, 2.0


class LivePreview:
    """Follows one slice through a run, on the run's own thread, at a small share of its time.

    Parameters
    ----------
    run : Run
        Under way.

    Attributes
    ----------
    share : float
        Of the time since the first preview, what the previews have taken.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._previewer: Previewer | None = None
        self._began: float | None = None
        self._due = 0.0
        self._spent = 0.0

    @property
    def share(self) -> float:
        """What the previews have cost so far, of the time since the first."""
        return 0.0 if self._began is None else self._spent / max(time.monotonic() - self._began, 1e-9)

    def after_step(self, watched: tuple[int, int] | None, eta: float) -> Preview | None:
        """The mask of the slice ``watched`` (case, index), if its time has come."""
        run, now = self._run, time.monotonic()
        if watched is None or now < self._due or not can_preview(run.job.model.card):
            return None
        state = run.state_now(eta)
        if state is None:
            return None
        if self._previewer is None:
            self._previewer = Previewer(
                run.job.model, run.stacks, run.device, run.card, run.job.config.precision
            )
        labels = self._previewer.labels(state, *watched)
        took = time.monotonic() - now
        self._began = self._began or now
        self._spent += took
        # Once it has cost so much, that much time must have passed before the next.
        self._due = max(now + _LEAST, self._began + self._spent / _SHARE)
        return Preview(*watched, state.iteration, labels, took)
