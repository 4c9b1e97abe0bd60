"""Why a verdict was reached: the figures that weighed most, as data."""

from __future__ import annotations

from napari_osuda.session.advice import Reason, ReasonKind
from napari_osuda.session.guard.signals import WHOLE, Evidence, Signals
from napari_osuda.session.guard.verdict import FINDING, IMPLAUSIBLE, TRACE, Verdict, stands_out
from napari_osuda.session.guard.wording import reads_the_same
from napari_osuda.session.job import Contrast

__all__ = ["reasons_of"]

# A figure that says less than this is not worth a reason.
_TELLING = 0.005
_MOST = 3


def reasons_of(
    evidence: tuple[Evidence, Evidence], found: Verdict, contrast: Contrast | None = None
) -> list[Reason]:
    """The figures that weighed most for a verdict, three at most."""
    before, after = (signals[WHOLE] for signals in evidence)
    if found.nonsense:
        too_large = Reason(ReasonKind.SOURCE_TOO_LARGE, {"share": before.share})
        if contrast == "unchanged":
            return [Reason(ReasonKind.CONTRAST_UNCHANGED), too_large]
        return [too_large, _successor(after, found.accept)]
    if found.pulled:
        return [Reason(ReasonKind.PULLED)]
    region = found.failing
    if region is not None and found.fault == "appears":
        return [Reason(ReasonKind.APPEARS, region=region)]
    if region is not None and found.fault == "vanishes":
        return [Reason(ReasonKind.VANISHES, region=region)]
    if region is not None and found.fault == "shrinks":
        was, now = (signals[region].share for signals in evidence)
        return [Reason(ReasonKind.SHRINKS, {"ratio": now / was}, region)]
    sign = 1.0 if found.accept else -1.0
    regions = [region] if region is not None else list(found.parts)
    weighed = sorted(
        ((sign * value, name, figure) for name in regions for figure, value in found.parts[name].items()),
        reverse=True,
    )
    telling = (_compared(evidence, name, figure) for value, name, figure in weighed if value > _TELLING)
    reasons = [reason for reason in telling if not reads_the_same(reason)][:_MOST]
    if reasons:
        return reasons
    if before.share < TRACE:
        return [Reason(ReasonKind.NO_SOURCE, {"share": after.share, "border": after.border})]
    return [Reason(ReasonKind.CLEAR if found.accept else ReasonKind.UNCLEAR)]


def _compared(evidence: tuple[Evidence, Evidence], region: str, figure: str) -> Reason:
    before, after = (getattr(signals[region], figure) for signals in evidence)
    return Reason(ReasonKind(figure), {"before": before, "after": after}, None if region == WHOLE else region)


def _successor(after: Signals, accept: bool) -> Reason:
    """Of the mask that would take the place of one that is too large."""
    figures = {
        "share": after.share,
        "border": after.border,
        "one_sided": after.one_sided or 0.0,
        "largest": after.largest,
        "coherence": after.coherence,
    }
    if accept:
        return Reason(ReasonKind.STANDS_OUT if stands_out(after) else ReasonKind.ONE_PIECE, figures)
    if after.share < FINDING:
        return Reason(ReasonKind.NEXT_TO_NOTHING, figures)
    return Reason(ReasonKind.TOO_LARGE if after.share > IMPLAUSIBLE else ReasonKind.FAINT, figures)
