"""Which mask is to be trusted: an answer from label-free figures, as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.evaluation import dice
from napari_osuda.imaging import Case
from napari_osuda.models import ModelCard
from napari_osuda.models.classes import named_regions
from napari_osuda.session.advice import Decision, Reason, ReasonKind, Recommendation
from napari_osuda.session.guard.reasons import reasons_of
from napari_osuda.session.guard.signals import Evidence
from napari_osuda.session.guard.verdict import IMPLAUSIBLE, TRACE, VANISHED, Verdict, verdict
from napari_osuda.session.job import Contrast, Labels

__all__ = ["decision_of", "recommend"]

# A region that grows beyond this multiple of its volume is not the same finding.
_EXPLODED = 8.0


def recommend(
    before: Labels,
    after: Labels,
    case: Case,
    card: ModelCard,
    evidence: tuple[Evidence, Evidence] | None = None,
    contrast: Contrast | None = None,
    *,
    class_ratio_given: bool = False,
) -> Recommendation:
    """Use the adapted mask of a case, or the original one, or neither.

    Parameters
    ----------
    before, after : uint8 array [I, J, K]
        Masks of the source and of the adapted model.
    case : Case
        The images.
    card : ModelCard
        Names of the labels.
    evidence : tuple of Evidence, optional
        Signals of the source and of the adapted model; None where nothing was adapted.
    contrast : {"converted", "unchanged"} or None
        What was done for an image whose name says that another contrast stands in for the model's.
    class_ratio_given : bool
        Whether the loss pulled the mask to a class ratio that was told, whatever the image shows.
    """
    if evidence is None or np.array_equal(before, after):
        return Recommendation("accept", (Reason(ReasonKind.UNCHANGED),))
    head = case.head.mask
    signals = _signals(evidence, contrast, class_ratio_given)
    volumes = _volumes(before, after, case)
    against = tuple(_plain_faults(before, after, head, card))
    if against:
        trusted = np.count_nonzero(before) <= IMPLAUSIBLE * max(int(head.sum()), 1)
        return Recommendation(
            "keep-source" if trusted else "neither", (*against, volumes), signals | {"faulty": True}
        )
    found = verdict(*evidence, contrast, class_ratio_given=class_ratio_given)
    return Recommendation(decision_of(found), (*reasons_of(evidence, found, contrast), volumes), signals)


def decision_of(found: Verdict) -> Decision:
    """Of a source mask that is not worth keeping, none is left where the adapted one is refused."""
    if found.accept:
        return "accept"
    return "neither" if found.nonsense else "keep-source"


def _volumes(before: Labels, after: Labels, case: Case) -> Reason:
    ml = float(np.prod(case.grid.spacing)) / 1000.0
    figures = {
        "before_ml": np.count_nonzero(before) * ml,
        "after_ml": np.count_nonzero(after) * ml,
        "dice": float(dice(before != 0, after != 0)),
    }
    return Reason(ReasonKind.VOLUMES, figures)


def _signals(
    evidence: tuple[Evidence, Evidence], contrast: Contrast | None, class_ratio_given: bool
) -> dict[str, Any]:
    before, after = ({region: s.to_dict() for region, s in side.items()} for side in evidence)
    return {
        "before": before,
        "after": after,
        "faulty": False,
        "contrast": contrast,
        "class_ratio_given": class_ratio_given,
    }


def _plain_faults(
    before: Labels, after: Labels, head: NDArray[np.bool_], card: ModelCard
) -> Iterator[Reason]:
    """What nobody would accept, whatever else speaks for it."""
    voxels = max(int(head.sum()), 1)
    was, now = int(np.count_nonzero(before)), int(np.count_nonzero(after))
    if now == 0 and was > 0:
        yield Reason(ReasonKind.EMPTY)
    elif 0.002 * voxels < was < IMPLAUSIBLE * voxels and now < VANISHED * was:
        yield Reason(ReasonKind.SMALL, {"ratio": now / was})
    elif was > 0.002 * voxels and now > _EXPLODED * was and now > 0.1 * voxels:
        yield Reason(ReasonKind.LARGE, {"ratio": now / was})
    if now > 0.5 * voxels:
        yield Reason(ReasonKind.EVERYWHERE, {"share": min(now / voxels, 1.0)})
    # What a nonsense mask had and the other has not is no loss.
    if was <= IMPLAUSIBLE * voxels:
        yield from _lost_labels(before, after, card)
        yield from _appearing(before, after, card, voxels)


def _appearing(before: Labels, after: Labels, card: ModelCard, voxels: int) -> Iterator[Reason]:
    """Regions in a few voxels of which the source model saw none: the verdict's rule, on the masks.

    A label can win a voxel with less than half of the probability, and the signals do not see it then.
    """
    for name, values in named_regions(card.labels, card.regions).items():
        if not np.isin(before, values).any() and 0 < np.isin(after, values).sum() < TRACE * voxels:
            yield Reason(ReasonKind.APPEARS, region=name)


def _lost_labels(before: Labels, after: Labels, card: ModelCard) -> Iterator[Reason]:
    for value, name in card.labels.items():
        was, now = before == value, after == value
        if value != 0 and was.sum() > 50 and now.sum() < 0.02 * was.sum() and dice(was, now) < 0.1:
            yield Reason(ReasonKind.LABEL_LOST, region=name)
