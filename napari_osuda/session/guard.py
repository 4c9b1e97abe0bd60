"""Should the adapted mask be trusted? An answer from label-free signals, in a clinician's words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_osuda.evaluation import agreement, dice
from napari_osuda.models import ModelCard
from napari_osuda.session.job import Labels, Recommendation

__all__ = ["recommend"]

# A region that shrinks below, or grows beyond, these multiples of its volume is not the same finding.
_VANISHED, _EXPLODED = 0.25, 4.0
_UNLIKE = 0.4


def recommend(before: Labels, after: Labels, brain: np.ndarray, card: ModelCard) -> Recommendation:
    """Accept the adapted mask of a case, or keep the source's.

    Parameters
    ----------
    before, after : uint8 array [I, J, K]
        Masks of the source and of the adapted model.
    brain : bool array [I, J, K]
        Voxels that hold any signal.
    card : ModelCard
        Names of the labels.

    Returns
    -------
    Recommendation
        With each reason a sentence.
    """
    against, notes = [], []
    voxels = max(int(brain.sum()), 1)
    foreground = {"all labels": [v for v in card.labels if v != 0]}
    was, now = int((before != 0).sum()), int((after != 0).sum())
    shared = agreement(before, after, foreground)["all labels"]
    if now == 0 and was > 0:
        against.append("The adapted mask is empty, while the source model found something.")
    elif was > 0 and now < _VANISHED * was:
        against.append(
            f"The adapted mask has only {now / was:.0%} of the volume that the source model marked."
        )
    elif was > 0 and now > _EXPLODED * was and now > 0.02 * voxels:
        against.append(f"The adapted mask has {now / was:.1f} times the volume that the source model marked.")
    if now > 0.5 * voxels:
        against.append(f"The adapted mask claims {now / voxels:.0%} of the brain.")
    if was > 0 and now > 0 and shared < _UNLIKE and was > 0.002 * voxels:
        against.append(f"The two masks hardly overlap (Dice {shared:.2f}): one of them is elsewhere.")
    against += _lost_labels(before, after, card)
    if against:
        return Recommendation("keep-source", tuple(against))
    notes.append(f"The two masks agree with a Dice of {shared:.2f}.")
    if was or now:
        notes.append(f"The marked volume goes from {was / voxels:.1%} to {now / voxels:.1%} of the brain.")
    return Recommendation("accept", tuple(notes))


def _lost_labels(before: Labels, after: Labels, card: ModelCard) -> Sequence[str]:
    found = []
    for value, name in card.labels.items():
        if value == 0:
            continue
        was, now = before == value, after == value
        if was.sum() > 50 and now.sum() < 0.05 * was.sum() and dice(was, now) < 0.1:
            found.append(f"'{name}' has all but disappeared.")
    return found
