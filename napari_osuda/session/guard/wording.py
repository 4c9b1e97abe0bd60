"""Every sentence of the guard: reasons, decisions and the end of a collapse, in words."""

from __future__ import annotations

from typing import Any

from napari_osuda.session.advice import Decision, Expected, Reason, ReasonKind, Recommendation
from napari_osuda.session.guard.collapse import Collapse

__all__ = ["DECISIONS", "advice_record", "collapse_said", "expected_said", "named", "said", "sentence"]

DECISIONS: dict[Decision, str] = {
    "accept": "Use the adapted mask",
    "keep-source": "Use the original mask",
    "neither": "Trust neither mask: mark by hand",
}
"""The headline of each decision."""

# Of each kind a sentence; where two figures are compared, one for a rise and one for a fall.
_SENTENCES: dict[ReasonKind, str | tuple[str, str]] = {
    ReasonKind.UNCHANGED: "The adapted mask is the same as the original mask.",
    ReasonKind.EMPTY: "The adapted mask is empty. The original mask is not.",
    ReasonKind.SMALL: "The adapted mask has only {ratio:.0%} of the original mask's volume.",
    ReasonKind.LARGE: "The adapted mask has {ratio:.1f} times the original mask's volume.",
    ReasonKind.EVERYWHERE: "The adapted mask covers {share:.0%} of the head.",
    ReasonKind.LABEL_LOST: "{Region} is almost gone from the adapted mask.",
    ReasonKind.APPEARS: (
        "{Region} appears in only a few voxels of the adapted mask. The original mask has none of it."
    ),
    ReasonKind.VANISHES: "{Region} is missing from the adapted mask.",
    ReasonKind.SHRINKS: (
        "{Region} shrinks to {ratio:.0%} of its volume while the whole mask keeps its volume."
    ),
    ReasonKind.MIRROR: (
        "The result is steadier when the image is mirrored{of} (Dice {after:.2f}, original {before:.2f}).",
        "The result is less steady when the image is mirrored{of} (Dice {after:.2f}, original {before:.2f}).",
    ),
    ReasonKind.COHERENCE: (
        "Neighboring slices agree better{of} (Dice {after:.2f}, original {before:.2f}).",
        "Neighboring slices agree less{of} (Dice {after:.2f}, original {before:.2f}).",
    ),
    ReasonKind.BORDER: (
        "The mask's border follows a sharper edge in the image{of} ({after:.2f} standard deviations, "
        "original {before:.2f}).",
        "The mask's border follows a weaker edge in the image{of} ({after:.2f} standard deviations, "
        "original {before:.2f}).",
    ),
    ReasonKind.SEPARATION: (
        "The mask separates bright from dark tissue better{of} (explained variance {after:.1%}, original "
        "{before:.1%}).",
        "The mask separates bright from dark tissue less well{of} (explained variance {after:.1%}, original "
        "{before:.1%}).",
    ),
    ReasonKind.CLEAR: "No figure is clearly worse for the adapted mask.",
    ReasonKind.UNCLEAR: "No figure is clearly better for the adapted mask.",
    ReasonKind.PULLED: (
        "The method was given a class ratio and moves every mask towards it. That alone can explain the "
        "better figures."
    ),
    ReasonKind.NO_SOURCE: (
        "The original model marks almost nothing, so there is nothing to compare with. Check the adapted "
        "mask ({share:.1%} of the head) yourself."
    ),
    ReasonKind.SOURCE_TOO_LARGE: "The original mask covers {share:.0%} of the head.",
    ReasonKind.CONTRAST_UNCHANGED: (
        "The image has another contrast than the model expects, and it was not converted. "
        "Adapt again with contrast=names."
    ),
    ReasonKind.STANDS_OUT: (
        "The adapted mask differs clearly from the tissue around it ({border:.2f} standard deviations) and "
        "from the other side ({one_sided:.2f})."
    ),
    ReasonKind.ONE_PIECE: (
        "The adapted mask is one piece ({largest:.0%}), and neighboring slices agree (Dice {coherence:.2f})."
    ),
    ReasonKind.FAINT: (
        "The adapted mask differs little from the tissue around it ({border:.2f} standard deviations) or "
        "from the other side ({one_sided:.2f})."
    ),
    ReasonKind.NEXT_TO_NOTHING: "The adapted mask marks almost nothing ({share:.2%} of the head).",
    ReasonKind.TOO_LARGE: "The adapted mask covers {share:.0%} of the head, too.",
    ReasonKind.VOLUMES: (
        "Marked volume: {after_ml:.1f} ml adapted, {before_ml:.1f} ml original. The two masks overlap with "
        "Dice {dice:.2f}."
    ),
}


def sentence(reason: Reason) -> str:
    """A reason in words."""
    wanted = _SENTENCES[reason.kind]
    if isinstance(wanted, tuple):
        wanted = wanted[reason.figures["after"] < reason.figures["before"]]
    of = "" if reason.region is None else f" for {named(reason.region)}"
    text = wanted.format(**reason.figures, of=of, Region=named(reason.region))
    return text if reason.case is None else f"{reason.case}: {text}"


def said(advice: Recommendation | None) -> tuple[str, ...]:
    """The reasons of a recommendation in words, the one that decided first; none without one."""
    return () if advice is None else tuple(sentence(reason) for reason in advice.reasons)


def reads_the_same(reason: Reason) -> bool:
    """Whether the two figures that a reason compares are equal as a reader sees them."""
    swapped = {"before": reason.figures["after"], "after": reason.figures["before"]}
    wanted = _SENTENCES[reason.kind]
    first = wanted[0] if isinstance(wanted, tuple) else wanted
    told = (first.format(**figures, of="", Region="") for figures in (reason.figures, swapped))
    return next(told) == next(told)


def expected_said(expected: Expected) -> str:
    """An expected Dice with its interval: "0.70 (0.52 to 0.81)"."""
    return f"{expected.dice:.2f} ({expected.low:.2f} to {expected.high:.2f})"


def named(region: str | None) -> str:
    """What a region is called."""
    return "The mask" if region is None else f"'{region}'"


def collapse_said(collapse: Collapse) -> str:
    """How the training ended, in words."""
    what = (
        f"only {collapse.left:.0%} of the marked area is left"
        if collapse.kind == "gone"
        else f"{collapse.covered:.0%} of the head is marked"
    )
    return (
        f"The segmentation collapsed at iteration {collapse.iteration}: {what}. "
        f"Training was ended, and the state after {collapse.good} iterations is used."
    )


def advice_record(advice: Recommendation | None) -> dict[str, Any] | None:
    """What ``run.json`` says of a recommendation: the decision, its reasons in words and as data."""
    if advice is None:
        return None
    return {
        "decision": advice.decision,
        "reasons": list(said(advice)),
        "evidence": [reason.to_dict() for reason in advice.reasons],
        "regions": {
            name: {
                "decision": region.decision,
                "expected_dice_before": _expected(region.before),
                "expected_dice_after": _expected(region.after),
            }
            for name, region in advice.regions.items()
        },
        "signals": advice.signals,
    }


def _expected(expected: Expected | None) -> dict[str, float] | None:
    if expected is None:
        return None
    return {"dice": expected.dice, "low": expected.low, "high": expected.high}
