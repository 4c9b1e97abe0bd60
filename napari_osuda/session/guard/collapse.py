"""A watch over an adaptation under way: entropy can be minimized by calling everything the same."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from napari_osuda.method import StepReport

__all__ = ["Collapse", "CollapseWatch"]

# Share of the foreground below which it is gone. Of one that covers a large part of the head, most may be
# false and go: it has to be all but gone.
_GONE, _ALL_BUT_GONE = 0.1, 0.02
_LARGE = 0.15
# Of the head: below this there is nothing to lose.
_LITTLE = 5e-4
# With less than this of its foreground a state is no good one any more.
_FADED = 0.5
# Of the head: one class everywhere.
_EVERYWHERE = 0.8
# Iterations in a row: one odd batch is no collapse.
_IN_A_ROW = 3


@dataclass(frozen=True)
class Collapse:
    """How an adaptation lost its segmentation.

    Attributes
    ----------
    kind : {"gone", "everywhere"}
        The foreground is gone from a batch that had some, or covers nearly all of the head.
    iteration : int
        After which it was told.
    good : int
        Iterations of the state that is kept.
    left : float
        What is left of the foreground that the batch had at first.
    covered : float
        Marked share of the head.
    """

    kind: Literal["gone", "everywhere"]
    iteration: int
    good: int
    left: float
    covered: float


class CollapseWatch:
    """Sees each step of an adaptation, keeps the last good state, and says when the classes have collapsed.

    Parameters
    ----------
    model : nn.Module
        The network that is being adapted; read after each step, written by :meth:`restore` alone.
    heads : sequence of float
        For each batch of a round the share of the image that is head, where a patient can have something.
    alike : bool
        Whether each batch shows the whole head: one that was never seen is held against the others then, and
        else for the first time in the second round.
    foreground : sequence of int, optional
        Channels of the foreground where classes may overlap (`foreground_channels`). None: all but the first,
        which is the background.
    earlier : sequence of StepReport
        Steps of the same adaptation that came before, in a run that was taken up again.

    Attributes
    ----------
    good : int
        Iterations whose outcome the kept state has: the last that had half of its foreground, or more.

    Notes
    -----
    A step reports the class fractions of the state before its update. Collapse is foreground that is gone
    from a batch that had some, or that covers four fifths of the head and did not at first, in three steps in
    a row: so it is told in the third iteration. A batch's first share is what it showed in the first round.
    Gone is what has less than a tenth of it, or less than a fiftieth where the first share was more than 15 %
    of the head.
    """

    def __init__(
        self,
        model: nn.Module,
        heads: Sequence[float],
        *,
        alike: bool,
        foreground: Sequence[int] | None = None,
        earlier: Sequence[StepReport] = (),
    ) -> None:
        self._model = model
        self._foreground = foreground
        self._faded = False
        self._first: dict[int, float] = {}
        self.rebatch(heads, alike=alike)
        self._suspicious = 0
        self._candidate = self._kept = self._copy()
        self.good = len(earlier)
        for report in earlier:
            self._first.setdefault(report.t % len(self._heads), self._share(report))

    def rebatch(self, heads: Sequence[float], *, alike: bool) -> None:
        """From now on there are other batches, none of which was seen before."""
        self._heads, self._alike = heads, alike
        self._first.clear()

    def saw(self, report: StepReport) -> Collapse | None:
        """Take note of a step that has just been made.

        Returns
        -------
        Collapse or None
            Where the segmentation has collapsed.
        """
        batch, share = report.t % len(self._heads), self._share(report)
        head, first = self._heads[batch], self._first.get(batch)
        if first is None:
            known = list(self._first.values())
            first = sum(known) / len(known) if known and self._alike else share
        little = _LITTLE * head
        large = first > _LARGE * head
        gone = first > little and share < (_ALL_BUT_GONE if large else _GONE) * first
        everywhere = share > _EVERYWHERE * head >= first
        if first > little:
            self._faded = not large and share < _FADED * first
        if gone or everywhere:
            self._suspicious += 1
        else:
            self._first.setdefault(batch, share)
            # A batch that has nothing to lose says nothing either way.
            if max(first, share) > little:
                self._suspicious = 0
        if not self._suspicious and not self._faded:
            self._kept, self.good = self._candidate, report.t
        if self._suspicious < _IN_A_ROW:
            self._candidate = self._copy()
            return None
        return Collapse(
            kind="gone" if gone else "everywhere",
            iteration=report.t,
            good=self.good,
            left=share / first if first > 0 else 1.0,
            covered=min(share / head, 1.0),
        )

    def state_dict(self) -> dict[str, Any]:
        """What a later process needs to keep the same state of the same run."""
        return {
            "kept": self._kept, "good": self.good, "first": dict(self._first),
            "faded": self._faded, "suspicious": self._suspicious,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        self._kept, self.good, self._first = state["kept"], state["good"], dict(state["first"])
        self._faded, self._suspicious = state["faded"], state["suspicious"]

    def earlier(self) -> nn.Module | None:
        """The network as it was after `good` iterations; None where that is how it is now."""
        if self._kept is self._candidate:
            return None
        model = copy.deepcopy(self._model)
        model.load_state_dict(self._kept)
        return model

    def restore(self) -> None:
        """Give the network the last good state back."""
        self._model.load_state_dict(self._kept)

    def _share(self, report: StepReport) -> float:
        fractions = report.class_fractions
        return float(1.0 - fractions[0] if self._foreground is None else fractions[[*self._foreground]].max())

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self._model.state_dict().items()}
