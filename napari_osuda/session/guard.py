"""Should the adapted mask be trusted? An answer from label-free signals, in a clinician's words."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from napari_osuda.evaluation import agreement, dice
from napari_osuda.models import ModelCard
from napari_osuda.session.guard_score import (
    FINDING,
    IMPLAUSIBLE,
    TRACE,
    VANISHED,
    Contrast,
    Verdict,
    stands_out,
    verdict,
)
from napari_osuda.session.guard_signals import WHOLE, Evidence, Signals
from napari_osuda.session.job import Labels, Recommendation

__all__ = ["VOLUMES", "recommend", "spoken"]

VOLUMES = "The marked volume goes from"
"""How the last sentence of a recommendation begins, the one that is made from the masks themselves."""

# A region that grows beyond this multiple of its volume is not the same finding.
_EXPLODED = 8.0

_SAYINGS = {
    "mirror": (
        "Mirrored left to right, the head gets {word} the same mask{of} (Dice {after:.2f}, before "
        "{before:.2f}).",
        ("more nearly", "less nearly"),
    ),
    "coherence": (
        "From one slice to the next the marked area{of} fits together {word} than before (Dice {after:.2f}, "
        "before {before:.2f}).",
        ("better", "worse"),
    ),
    "border": (
        "The border of the mask{of} follows {word} change of brightness than before ({after:.2f} times the "
        "head's spread of brightness, before {before:.2f}).",
        ("a sharper", "a weaker"),
    ),
    "separation": (
        "The marked area{of} stands out {word} from the tissue around it than before (it explains "
        "{after:.1%} of the differences in brightness there, before {before:.1%}).",
        ("more clearly", "less clearly"),
    ),
}
_SAYS_PULLED = (
    "The method was told which share of the image each class has, and pulls the mask there whatever the "
    "image shows. That alone can make a mask look as much better as this one does, so the source's is the "
    "safer one."
)
_SAYS_APPEARS = (
    "{region} appears in a few voxels of the adapted mask, while the source model found none of it anywhere."
)
# A signal that says less than this is not worth a sentence.
_TELLING = 0.005


def recommend(
    before: Labels,
    after: Labels,
    brain: np.ndarray,
    card: ModelCard,
    evidence: tuple[Evidence, Evidence] | None = None,
    contrast: Contrast | None = None,
    *,
    told_ratio: bool = False,
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
    contrast : {"turned", "left"} or None
        What was done for an image whose name says that another contrast stands in for the model's.
    told_ratio : bool
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
            "keep-source", tuple(against), _signals(evidence, contrast, told_ratio, faulty=True)
        )
    found = verdict(*evidence, contrast, told_ratio=told_ratio)
    decision: Literal["accept", "keep-source"] = "accept" if found.accept else "keep-source"
    voxels = max(int(brain.sum()), 1)
    volumes = (
        f"{VOLUMES} {np.count_nonzero(before) / voxels:.1%} to "
        f"{np.count_nonzero(after) / voxels:.1%} of the brain; the two masks overlap with a Dice of "
        f"{shared:.2f}."
    )
    reasons = spoken(evidence, found, contrast)
    return Recommendation(decision, (*reasons, volumes), _signals(evidence, contrast, told_ratio))


def _signals(
    evidence: tuple[Evidence, Evidence], contrast: Contrast | None, told_ratio: bool, *, faulty: bool = False
) -> dict[str, Any]:
    before, after = ({region: s.to_dict() for region, s in side.items()} for side in evidence)
    return {
        "before": before,
        "after": after,
        "faulty": faulty,
        "contrast": contrast,
        "told_ratio": told_ratio,
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
    regions = card.regions or {name: (value,) for value, name in card.labels.items() if value != 0}
    return [
        _SAYS_APPEARS.format(region=_named(name))
        for name, values in regions.items()
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


def spoken(
    evidence: tuple[Evidence, Evidence], found: Verdict, contrast: Contrast | None = None
) -> list[str]:
    """Why, in words: the signals that weighed most for the decision, three at most."""
    before, after = (signals[WHOLE] for signals in evidence)
    if found.nonsense:
        marks = f"The source model marks {before.share:.0%} of the head, more than any tumour; "
        if contrast == "left":
            return [
                f"{marks}and the image's contrast, which is not the model's, was left as it is: statistics "
                "do not make up for that. Neither mask is to be trusted: adapt with the contrast turned "
                "(contrast=names), or mark by hand."
            ]
        return [marks + _says_successor(after, found.accept)]
    if found.pulled:
        return [_SAYS_PULLED]
    if found.failing is not None and found.fault == "appears":
        return [
            _SAYS_APPEARS.format(region=_named(found.failing)),
        ]
    if found.failing is not None and found.fault in ("vanishes", "shrinks"):
        was, now = (signals[found.failing].share for signals in evidence)
        if found.fault == "vanishes":
            return [f"{_named(found.failing)} has disappeared from the adapted mask."]
        return [
            f"{_named(found.failing)} shrinks to {now / was:.0%} of its size while the whole mask stays: "
            "small classes are the first to be given up."
        ]
    sign = 1.0 if found.accept else -1.0
    regions = [found.failing] if found.failing is not None else list(found.parts)
    weighed = sorted(
        ((sign * value, region, name) for region in regions for name, value in found.parts[region].items()),
        reverse=True,
    )
    telling = (_said(evidence, region, name) for value, region, name in weighed if value > _TELLING)
    said = [sentence for sentence in telling if sentence is not None][:3]
    if said:
        return said
    if before.share < TRACE:
        return [_says_no_source(after)]
    return [
        "Nothing speaks clearly against the adapted mask."
        if found.accept
        else "Nothing speaks clearly for the adapted mask, and then the source's is the safer one."
    ]


def _says_no_source(after: Signals) -> str:
    """Of the mask that would take the place of none: no figure tells whether there is anything to find."""
    return (
        "The source model marks nothing to speak of, so there is nothing that the adapted mask could be held "
        f"against. What it marks ({after.share:.1%} of the head) differs from what is around it by "
        f"{after.border:.2f} times the image's spread: look at it yourself before you take it."
    )


def _says_successor(after: Signals, accept: bool) -> str:
    """Of the mask that would take the place of one that is no tumour's."""
    differs = (
        f"what the adapted model marks ({after.share:.1%} of it) differs from what is around it by "
        f"{after.border:.2f} and from the other side of the head by {after.one_sided or 0.0:.2f} times the "
        "image's spread"
    )
    if accept and stands_out(after):
        return f"{differs}, as a lesion does."
    if accept:
        return (
            f"{differs}; it is one piece as a lesion is ({after.largest:.0%} of it), which goes on from "
            f"slice to slice (Dice {after.coherence:.2f}) and is found in the mirrored head as well "
            f"({after.mirror:.2f})."
        )
    if after.share < FINDING:
        fault = f"the adapted model marks next to nothing ({after.share:.2%} of it)."
    elif after.share > IMPLAUSIBLE:
        fault = f"and so does the adapted model ({after.share:.0%} of it)."
    else:
        fault = f"{differs}, not as clearly as a lesion."
    return f"{fault} Neither is to be trusted: mark by hand."


def _said(evidence: tuple[Evidence, Evidence], region: str, name: str) -> str | None:
    """What a signal has to say; None where its figures, as they would be read, are the same."""
    before, after = (getattr(signals[region], name) for signals in evidence)
    sentence, (up, down) = _SAYINGS[name]
    of = "" if region == WHOLE else f" of {_named(region)}"
    words = {"word": up if after > before else down, "of": of}
    if sentence.format(before=before, after=after, **words) == sentence.format(
        before=after, after=before, **words
    ):
        return None
    return sentence.format(before=before, after=after, **words)


def _named(region: str) -> str:
    return "The mask" if region == WHOLE else f"'{region}'"
