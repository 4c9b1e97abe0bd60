"""How far a run is, and how long it will still take."""

from __future__ import annotations

import time

from napari_osuda.session.events import Progress, Stage

__all__ = ["Clock"]

# A training step against a predicted slice, until the first step has been timed: three passes of a batch.
_RELATIVE_COST = {"before": 1.0, "adapt": 48.0, "after": 1.0}


class Clock:
    """Time left, from the pace of the stage under way and the slices and steps still to come."""

    def __init__(self) -> None:
        self._planned: dict[str, int] = {}
        self._pace: dict[str, float] = {}
        self._stage = ""
        self._since = 0.0
        self._from = 0

    def plan(self, *, before: int, steps: int, after: int) -> None:
        """Slices before, steps, and slices after that are to come."""
        self._planned = {"before": before, "adapt": steps, "after": after}

    def progress(self, stage: Stage, done: int, total: int) -> Progress:
        """The progress of a stage, with the seconds left of the whole."""
        now = time.monotonic()
        if stage != self._stage:
            # The first report of a stage starts its clock: what came before it is not its pace.
            self._stage, self._since, self._from = stage, now, done
        elif done > self._from and stage in self._planned:
            self._pace[stage] = (now - self._since) / (done - self._from)
        order = list(self._planned)
        index = order.index(stage) if stage in order else len(order) - 1
        left = self._cost(stage) * (total - done) if stage in order else 0.0
        left += sum(self._cost(later) * self._planned[later] for later in order[index + 1 :])
        return Progress(stage, done, total, left if self._pace else None)

    def _cost(self, stage: str) -> float:
        if stage in self._pace:
            return self._pace[stage]
        known = next(iter(self._pace), None)
        if stage == "after" and "before" in self._pace:
            return self._pace["before"]
        return 0.0 if known is None else self._pace[known] * _RELATIVE_COST[stage] / _RELATIVE_COST[known]
