"""A watch over an adaptation under way: entropy can be minimised by calling everything the same."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from napari_osuda.method import StepReport
from napari_osuda.session.guard_score import FINDING

__all__ = ["CollapseWatch"]

# Against the foreground that was found in the same batch in the first round.
_GONE = 0.02
# Of the image, half of which is head: below the guard's `FINDING` there is nothing to lose.
_LITTLE = FINDING / 2
_EVERYWHERE, _TIMES = 0.35, 4.0
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
    foreground : sequence of int, optional
        Channels of the foreground where classes may overlap (`foreground_channels`). None: all but the first,
        which is the background.
    earlier : sequence of StepReport
        Steps of the same adaptation that came before, in a run that was taken up again.

    Attributes
    ----------
    good : int
        Iterations whose outcome the kept state has: those before the first that looked wrong.

    Notes
    -----
    A step reports the class fractions of the state before its update. Collapse is foreground that is gone
    from a batch that had some (below a fiftieth of its first share), or a foreground that covers more than
    a third of the image and four times its first share, in three steps in a row: so it is told in the third
    iteration. A batch's first share is what it showed in the first round.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: int,
        foreground: Sequence[int] | None = None,
        earlier: Sequence[StepReport] = (),
    ) -> None:
        self._model = model
        self._foreground = foreground
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
        gone = first > _LITTLE and share < _GONE * first
        everywhere = share > max(_EVERYWHERE, _TIMES * first)
        if gone or everywhere:
            self._suspicious += 1
        else:
            self._first.setdefault(place, share)
            # A batch that has nothing to lose says nothing either way.
            if max(first, share) > _LITTLE:
                self._suspicious = 0
        if not self._suspicious:
            self._kept, self.good = self._candidate, report.t
        if self._suspicious < _IN_A_ROW:
            self._candidate = self._copy()
            return None
        what = "nothing is marked any more" if gone else f"{share:.0%} of the image is marked"
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
