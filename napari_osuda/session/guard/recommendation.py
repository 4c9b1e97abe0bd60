"""Should the adapted mask be trusted? An answer from label-free signals, in a clinician's words."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from napari_osuda.evaluation import agreement, dice
from napari_osuda.models import ModelCard
from napari_osuda.session.guard.signals import Evidence
from napari_osuda.session.guard.verdict import (
    IMPLAUSIBLE,
    TRACE,
    VANISHED,
    verdict,
)
from napari_osuda.session.guard.wording import SAYS_APPEARS, VOLUMES, named, spoken
from napari_osuda.session.job import Contrast, Labels, Recommendation

__all__ = ["recommend"]

# A region that grows beyond this multiple of its volume is not the same finding.
_EXPLODED = 8.0


def recommend(
    before: Labels,
    after: Labels,
    brain: np.ndarray,
    card: ModelCard,
    evidence: tuple[Evidence, Evidence] | None = None,
    contrast: Contrast | None = None,
    *,
    class_ratio_given: bool = False,
) -> Recommendation:
    """Accept the adapted mask of a case, or keep the source's.

    Parameters
    ----------
    before, after : uint8 array [I, J, K]
        Masks of the source and of the adapted model.
    brain : bool array [I, J, K]
        Voxels that hold any signal.
    card : ModelCard
        Names of the labels.
    evidence : tuple of Evidence, optional
        Signals of the source and of the adapted model; None where nothing was adapted.
    contrast : {"converted", "unchanged"} or None
        What was done for an image whose name says that another contrast stands in for the model's.
    class_ratio_given : bool
        Whether the loss pulled the mask to a class ratio that was told, whatever the image shows.

    Returns
    -------
    Recommendation
        With each reason a sentence.
    """
    foreground = {"all labels": [v for v in card.labels if v != 0]}
    shared = agreement(before, after, foreground)["all labels"]
    if evidence is None or np.array_equal(before, after):
        return Recommendation("accept", ("The mask is the source model's.",))
    against = _plain_faults(before, after, brain, card)
    if against:
        return Recommendation(
            "keep-source", tuple(against), _signals(evidence, contrast, class_ratio_given, faulty=True)
        )
    found = verdict(*evidence, contrast, class_ratio_given=class_ratio_given)
    decision: Literal["accept", "keep-source"] = "accept" if found.accept else "keep-source"
    voxels = max(int(brain.sum()), 1)
    volumes = (
        f"{VOLUMES} {np.count_nonzero(before) / voxels:.1%} to "
        f"{np.count_nonzero(after) / voxels:.1%} of the brain; the two masks overlap with a Dice of "
        f"{shared:.2f}."
    )
    reasons = spoken(evidence, found, contrast)
    return Recommendation(decision, (*reasons, volumes), _signals(evidence, contrast, class_ratio_given))


def _signals(
    evidence: tuple[Evidence, Evidence],
    contrast: Contrast | None,
    class_ratio_given: bool,
    *,
    faulty: bool = False,
) -> dict[str, Any]:
    before, after = ({region: s.to_dict() for region, s in side.items()} for side in evidence)
    return {
        "before": before,
        "after": after,
        "faulty": faulty,
        "contrast": contrast,
        "class_ratio_given": class_ratio_given,
    }


def _plain_faults(before: Labels, after: Labels, brain: np.ndarray, card: ModelCard) -> list[str]:
    """What nobody would accept, whatever else speaks for it."""
    voxels = max(int(brain.sum()), 1)
    was, now = int((before != 0).sum()), int((after != 0).sum())
    against = []
    if now == 0 and was > 0:
        against.append("The adapted mask is empty, while the source model found something.")
    elif 0.002 * voxels < was < IMPLAUSIBLE * voxels and now < VANISHED * was:
        against.append(
            f"The adapted mask has only {now / was:.0%} of the volume that the source model marked."
        )
    elif was > 0.002 * voxels and now > _EXPLODED * was and now > 0.1 * voxels:
        against.append(f"The adapted mask has {now / was:.1f} times the volume that the source model marked.")
    if now > 0.5 * voxels:
        against.append(f"The adapted mask claims {now / voxels:.0%} of the brain.")
    if was > IMPLAUSIBLE * voxels:
        # What a nonsense mask had and the other has not is no loss.
        return against
    return against + _lost_labels(before, after, card) + _appearing(before, after, card, voxels)


def _appearing(before: Labels, after: Labels, card: ModelCard, voxels: int) -> list[str]:
    """Regions in a few voxels of which the source model saw none: the verdict's rule, on the masks.

    A label can win a voxel with less than half of the probability, and the signals do not see it then.
    """
    return [
        SAYS_APPEARS.format(region=named(name))
        for name, values in card.scored_regions.items()
        if not np.isin(before, values).any() and 0 < np.isin(after, values).sum() < TRACE * voxels
    ]


def _lost_labels(before: Labels, after: Labels, card: ModelCard) -> list[str]:
    found = []
    for value, name in card.labels.items():
        if value == 0:
            continue
        was, now = before == value, after == value
        if was.sum() > 50 and now.sum() < 0.02 * was.sum() and dice(was, now) < 0.1:
            found.append(f"'{name}' has all but disappeared.")
    return found
