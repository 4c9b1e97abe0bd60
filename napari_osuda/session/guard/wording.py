"""The guard's findings as sentences."""

from __future__ import annotations

from napari_osuda.session.guard.signals import WHOLE, Evidence, Signals
from napari_osuda.session.guard.verdict import (
    FINDING,
    IMPLAUSIBLE,
    TRACE,
    Verdict,
    stands_out,
)
from napari_osuda.session.job import Contrast

__all__ = ["SAYS_APPEARS", "VOLUMES", "named", "spoken"]

VOLUMES = "The marked volume goes from"
"""How the last sentence of a recommendation begins, the one that is made from the masks themselves."""


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


SAYS_APPEARS = (
    "{region} appears in a few voxels of the adapted mask, while the source model found none of it anywhere."
)


# A signal that says less than this is not worth a sentence.
_TELLING = 0.005


def spoken(
    evidence: tuple[Evidence, Evidence], found: Verdict, contrast: Contrast | None = None
) -> list[str]:
    """Why, in words: the signals that weighed most for the decision, three at most."""
    before, after = (signals[WHOLE] for signals in evidence)
    if found.nonsense:
        marks = f"The source model marks {before.share:.0%} of the head, more than any tumor; "
        if contrast == "unchanged":
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
            SAYS_APPEARS.format(region=named(found.failing)),
        ]
    if found.failing is not None and found.fault in ("vanishes", "shrinks"):
        was, now = (signals[found.failing].share for signals in evidence)
        if found.fault == "vanishes":
            return [f"{named(found.failing)} has disappeared from the adapted mask."]
        return [
            f"{named(found.failing)} shrinks to {now / was:.0%} of its size while the whole mask stays: "
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
    """Of the mask that would take the place of one that is no tumor's."""
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
    of = "" if region == WHOLE else f" of {named(region)}"
    words = {"word": up if after > before else down, "of": of}
    if sentence.format(before=before, after=after, **words) == sentence.format(
        before=after, after=before, **words
    ):
        return None
    return sentence.format(before=before, after=after, **words)


def named(region: str) -> str:
    """What a region is called at the beginning of a sentence."""
    return "The mask" if region == WHOLE else f"'{region}'"
