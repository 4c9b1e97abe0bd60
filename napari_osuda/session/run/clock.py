"""How far a run is, and how long it will still take."""

from __future__ import annotations

import time

from napari_osuda.session.events import Progress, Stage

__all__ = ["Clock"]

# The stages that are planned, in their order. "statistics" is gone through several times.
_ORDER: tuple[Stage, ...] = ("before", "adapt", "statistics", "guard", "after", "writing")
# Of each, the work of a unit in slices that are predicted, until it has been timed. A training step is three
# passes of each slice of its batch; each of the others is about a pass of one slice. Model, masks and
# report are written in half of that.
_RELATIVE_COST: dict[Stage, float] = {
    "before": 1.0,
    "adapt": 3.0,
    "statistics": 1.0,
    "guard": 1.0,
    "after": 1.0,
    "writing": 0.5,
}
# A slice that is averaged with its mirror image goes through the network twice.
_MIRRORED = 2.0

# What a stage that was not timed yet is likest to: a pass of single slices, else a training step.
_NEAREST: tuple[Stage, ...] = ("before", "guard", "after", "statistics", "adapt")


class Clock:
    """Time left, from the pace of the stage under way and all the work that is still to come."""

    def __init__(self) -> None:
        self._planned: dict[Stage, float] = {}
        self._relative: dict[Stage, float] = dict(_RELATIVE_COST)
        self._passes, self._slices, self._entered = 0, 0, 0
        self._pace: dict[Stage, float] = {}
        self._stage: Stage | None = None
        self._since = 0.0
        self._from = self._last = 0

    def plan(
        self,
        *,
        slices: int,
        steps: int,
        batch: int,
        passes: int,
        looks: int,
        mirrored: bool = False,
        written: bool = False,
    ) -> None:
        """What is to come.

        Parameters
        ----------
        slices : int
            That are segmented before and after.
        steps : int
            Iterations.
        batch : int
            Slices in one.
        passes : int
            How often the statistics of all slices are gathered.
        looks : int
            Slices that the guard sends through a network.
        mirrored : bool
            Whether predictions are averaged with those of the mirror image in the end.
        written : bool
            Whether there is a run folder.
        """
        self._slices, self._passes = slices, passes
        self._planned = {"before": slices, "adapt": steps, "guard": looks, "after": slices}
        self._planned["writing"] = slices if written else 0
        self._relative = _RELATIVE_COST | {"adapt": _RELATIVE_COST["adapt"] * batch}
        self._relative["after"] *= _MIRRORED if mirrored else 1.0

    def progress(self, stage: Stage, done: int, total: int) -> Progress:
        """The progress of a stage, with the seconds left of the whole."""
        now = time.monotonic()
        if stage != self._stage or done < self._last:
            # The first report of a stage starts its clock: what came before it is not its pace.
            self._stage, self._since, self._from = stage, now, done
            self._entered += stage == "statistics"
        elif done > self._from:
            self._pace[stage] = (now - self._since) / (done - self._from) * self._units(stage, total)
        self._last = done
        if not self._pace:
            return Progress(stage, done, total, None)
        left = self._cost(stage) * (total - done) / self._units(stage, total)
        reached = _ORDER.index(stage) if stage in _ORDER else len(_ORDER)
        for later in _ORDER[reached + 1 :]:
            left += self._cost(later) * self._planned.get(later, 0)
        if reached <= _ORDER.index("statistics"):
            left += self._cost("statistics") * self._slices * max(self._passes - self._entered, 0)
        return Progress(stage, done, total, left)

    def _units(self, stage: Stage, total: int) -> float:
        """How many of a stage's reports are one slice: statistics are told of by batch."""
        return total / self._slices if stage == "statistics" and self._slices else 1.0

    def _cost(self, stage: Stage) -> float:
        """Seconds for a slice, or for an iteration."""
        if stage in self._pace:
            return self._pace[stage]
        for known in _NEAREST:
            if known in self._pace:
                return self._pace[known] * self._relative.get(stage, 1.0) / self._relative[known]
        return 0.0
