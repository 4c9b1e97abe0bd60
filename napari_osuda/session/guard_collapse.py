"""A watch over an adaptation under way: entropy can be minimised by calling everything the same."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from napari_osuda.method import StepReport
from napari_osuda.session.guard_score import FINDING, IMPLAUSIBLE, VANISHED

__all__ = ["CollapseWatch"]

# Of a foreground that was too large to be a tumour's, most may go: it has to be all but gone.
_GONE = 0.02
# With less than this of a plausible foreground a state is no good one any more.
_FADED = 0.5
# Of the head: one class everywhere.
_EVERYWHERE = 0.8
# Iterations in a row: one odd batch is no collapse.
_IN_A_ROW = 3


class CollapseWatch:
    """Sees each step of an adaptation, keeps the last good state, and says when the classes have collapsed.

    Parameters
    ----------
    model : nn.Module
        The network that is being adapted; read after each step, written by :meth:`restore` alone.
    batches : int
        Batches in a round: what a batch shows is compared with what it showed in the first round.
    head : float
        Share of the image that is head, where a patient can have something: 0 to 1.
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
    Gone is what has less than a tenth of it (which the guard would refuse anyhow), or less than a fiftieth
    where the first share was too large for a tumour.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: int,
        head: float,
        foreground: Sequence[int] | None = None,
        earlier: Sequence[StepReport] = (),
    ) -> None:
        self._model = model
        self._foreground = foreground
        self._head = head
        self._faded = False
        self._first: dict[int, float] = {}
        self._batches = max(batches, 1)
        self._suspicious = 0
        self._candidate = self._kept = self._copy()
        self.good = len(earlier)
        for report in earlier:
            self._first.setdefault(report.t % self._batches, self._share(report))

    def saw(self, report: StepReport) -> str | None:
        """Take note of a step that has just been made.

        Returns
        -------
        str or None
            A sentence where the segmentation has collapsed.
        """
        place, share = report.t % self._batches, self._share(report)
        known = list(self._first.values()) or [share]
        # A batch that was never seen whole is held against the others: each shows the whole head.
        first = self._first.get(place, sum(known) / len(known))
        # Below the guard's `FINDING` there is nothing to lose.
        little = FINDING * self._head
        plausible = first <= IMPLAUSIBLE * self._head
        gone = first > little and share < (VANISHED if plausible else _GONE) * first
        everywhere = share > _EVERYWHERE * self._head >= first
        if first > little:
            self._faded = plausible and share < _FADED * first
        if gone or everywhere:
            self._suspicious += 1
        else:
            self._first.setdefault(place, share)
            # A batch that has nothing to lose says nothing either way.
            if max(first, share) > little:
                self._suspicious = 0
        if not self._suspicious and not self._faded:
            self._kept, self.good = self._candidate, report.t
        if self._suspicious < _IN_A_ROW:
            self._candidate = self._copy()
            return None
        what = (
            "nothing is marked any more"
            if gone
            else f"{min(share / self._head, 1.0):.0%} of the head is marked"
        )
        return (
            f"The segmentation collapsed at iteration {report.t} ({what}): the adaptation was ended, and its "
            f"state after {self.good} iterations is kept."
        )

    def restore(self) -> None:
        """Give the network the last good state back."""
        self._model.load_state_dict(self._kept)

    def _share(self, report: StepReport) -> float:
        fractions = report.class_fractions
        return float(1.0 - fractions[0] if self._foreground is None else fractions[[*self._foreground]].max())

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self._model.state_dict().items()}
