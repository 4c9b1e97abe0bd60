"""Every sentence of the guard: reasons, decisions and the end of a collapse, in words."""

from __future__ import annotations

from typing import Any

from napari_osuda.evaluation import region_words
from napari_osuda.session.advice import Decision, Expected, Reason, ReasonKind, Recommendation
from napari_osuda.session.guard.collapse import Collapse
from napari_osuda.session.guard.evidence import CandidateName

__all__ = [
    "DECISIONS",
    "advice_record",
    "choice_words",
    "collapse_words",
    "headline",
    "pieces_words",
    "reasons_in_words",
    "region_title",
    "second_name",
    "sentence",
]

DECISIONS: dict[Decision, str] = {
    "accept": "Use the adapted mask",
    "keep-source": "Use the original mask",
    "neither": "Trust neither mask: mark by hand",
}
"""The headline of each decision, where the second mask is an adapted one."""

# Of each kind a sentence; where two figures are compared, one for a rise and one for a fall.
_SENTENCES: dict[ReasonKind, str | tuple[str, str]] = {
    ReasonKind.UNCHANGED: "{Mask} is the same as the original mask.",
    ReasonKind.REMOVED: (
        "{Mask} is the original mask without {removed} ({ml:.1f} ml in all). The model finds nothing there "
        "in the image rotated by 180 degrees. Look at each piece first."
    ),
    ReasonKind.BETTER: (
        "{Mask} is probably better{of}: expected Dice {after_dice:.2f} ({after_low:.2f} to "
        "{after_high:.2f}), original {before_dice:.2f} ({before_low:.2f} to {before_high:.2f})."
    ),
    ReasonKind.WORSE: (
        "{Mask} is probably worse{of}: expected Dice {after_dice:.2f} ({after_low:.2f} to "
        "{after_high:.2f}), original {before_dice:.2f} ({before_low:.2f} to {before_high:.2f})."
    ),
    ReasonKind.RISK: (
        "{Mask} may be worse{of}: the risk is {harm:.0%}. Expected Dice {after_dice:.2f} "
        "({after_low:.2f} to {after_high:.2f}), original {before_dice:.2f} ({before_low:.2f} to "
        "{before_high:.2f})."
    ),
    ReasonKind.POOR: (
        "Both masks are probably poor{of}: expected Dice {after_dice:.2f} ({after_low:.2f} to "
        "{after_high:.2f}) {second}, {before_dice:.2f} ({before_low:.2f} to {before_high:.2f}) original."
    ),
    ReasonKind.NOTHING: "Neither mask marks anything. Check the images yourself.",
    ReasonKind.EMPTY: "{Mask} is empty. The original mask is not.",
    ReasonKind.VANISHES: "{Region} is missing from {mask}.",
    ReasonKind.APPEARS: (
        "{Region} appears in only a few voxels of {mask}. The original mask has none of it."
    ),
    ReasonKind.STEADY: (
        "{Mask} changes less when the image is moved, mirrored or noisy{of} (Dice {after:.2f}, "
        "original {before:.2f}).",
        "{Mask} changes more when the image is moved, mirrored or noisy{of} (Dice {after:.2f}, "
        "original {before:.2f}).",
    ),
    ReasonKind.MIXES: (
        "{Mask} agrees better with masks made with other image statistics{of} (Dice {after:.2f}, "
        "original {before:.2f}).",
        "{Mask} agrees less with masks made with other image statistics{of} (Dice {after:.2f}, "
        "original {before:.2f}).",
    ),
    ReasonKind.OTHERS: (
        "{Mask} agrees better with the other candidate masks{of} (Dice {after:.2f}, original {before:.2f}).",
        "{Mask} agrees less with the other candidate masks{of} (Dice {after:.2f}, original {before:.2f}).",
    ),
    ReasonKind.CONFIDENCE: (
        "The original model is more confident of {mask}{of} ({after:.0%}, original {before:.0%}).",
        "The original model is less confident of {mask}{of} ({after:.0%}, original {before:.0%}).",
    ),
    ReasonKind.COHERENCE: (
        "Neighboring slices of {mask} agree better{of} (Dice {after:.2f}, original {before:.2f}).",
        "Neighboring slices of {mask} agree less{of} (Dice {after:.2f}, original {before:.2f}).",
    ),
    ReasonKind.SEPARATION: (
        "{Mask} separates bright from dark tissue better{of} (explained variance {after:.0%}, "
        "original {before:.0%}).",
        "{Mask} separates bright from dark tissue less well{of} (explained variance {after:.0%}, "
        "original {before:.0%}).",
    ),
    ReasonKind.VOLUMES: (
        "Marked volume: {after_ml:.1f} ml {second}, {before_ml:.1f} ml original. The two masks overlap with "
        "Dice {dice:.2f}."
    ),
    ReasonKind.CONTRAST: (
        "The image has another contrast than the model expects, and it was not converted. "
        "Adapt again with contrast=names."
    ),
}


def second_name(removed: int) -> str:
    """What the mask beside the original one is called; ``removed``: how many pieces it lacks otherwise.

    >>> second_name(0), second_name(3)
    ('adapted', 'reduced')
    """
    return "reduced" if removed else "adapted"


def headline(decision: str | None, removed: int = 0) -> str:
    """A decision in words; ``removed`` is how many pieces of the original mask the second look removed."""
    if decision is None:
        return "No recommendation: the guard was off"
    if decision == "accept" and removed:
        return f"Use the reduced mask (the original, {pieces_words(removed)} removed)"
    # A record of another version may hold a decision that this one does not know.
    return {str(key): words for key, words in DECISIONS.items()}.get(decision, decision)


def pieces_words(count: int) -> str:
    """A number of pieces.

    >>> pieces_words(1), pieces_words(3)
    ('1 piece', '3 pieces')
    """
    return "1 piece" if count == 1 else f"{count} pieces"


def sentence(reason: Reason, mask: str = "the adapted mask", second: str = "adapted") -> str:
    """A reason in words.

    Parameters
    ----------
    reason : Reason
    mask : str
        What it calls the mask that is compared with the original one.
    second : str
        What that mask is called in short.
    """
    wanted = _SENTENCES[reason.kind]
    if isinstance(wanted, tuple):
        wanted = wanted[reason.figures["after"] < reason.figures["before"]]
    of = "" if reason.region is None else f" for {region_title(reason.region)}"
    names = {
        "of": of,
        "Region": region_title(reason.region),
        "mask": mask,
        "Mask": mask[0].upper() + mask[1:],
        "second": second,
        "removed": pieces_words(round(reason.figures.get("pieces", 0))),
    }
    text = wanted.format(**reason.figures, **names)
    if reason.kind in (ReasonKind.BETTER, ReasonKind.WORSE):
        shown = {f"{reason.figures[key]:.2f}" for key in ("after_dice", "before_dice")}
        text += " They differ by less than 0.01." if len(shown) == 1 else ""
    return text if reason.case is None else f"{reason.case}: {text}"


def reasons_in_words(advice: Recommendation | None) -> tuple[str, ...]:
    """The reasons of a recommendation in words, the one that decided first; none without one."""
    if advice is None:
        return ()
    second = second_name(advice.removed)
    return tuple(sentence(reason, f"the {second} mask", second) for reason in advice.reasons)


def region_title(region: str | None) -> str:
    """What a region is called."""
    if region is None:
        return "The mask"
    spelled = region_words(region)
    return spelled if spelled != region else f"'{region}'"


def collapse_words(collapse: Collapse) -> str:
    """How the training ended, in words."""
    what = (
        f"only {collapse.left:.0%} of the marked area is left"
        if collapse.kind == "gone"
        else f"{collapse.covered:.0%} of the head is marked"
    )
    return (
        f"The segmentation collapsed at iteration {collapse.iteration}: {what}. "
        f"Training was ended, and the result of iteration {collapse.good} is used."
    )


_CHOSEN: dict[CandidateName, str] = {
    "curve": "only the intensities were converted, and the model is the original one",
    "mirror": "the original model, averaged over the image and its mirror image",
    "pieces": "the original mask, without pieces that the model does not find again in the rotated image",
    "statistics": "only the image statistics were adjusted",
    "earlier": "training was ended at an earlier iteration",
}


def choice_words(name: CandidateName, iterations: int, refused: Recommendation) -> str:
    """Why the result is not that of the last iteration."""
    # Called by another name than the mask that is used, which the verdict calls the adapted one.
    refused_mask = f"the mask of the {iterations} iterations"
    why = ""
    if refused.reasons and refused.decision != "accept":
        why = f" {sentence(refused.reasons[0], refused_mask)}"
    return (
        f"Another result is probably better than that of the {iterations} iterations of training: "
        f"{_CHOSEN[name]}.{why}"
    )


def advice_record(advice: Recommendation | None) -> dict[str, Any] | None:
    """What ``run.json`` says of a recommendation: the decision, its reasons in words and as data."""
    if advice is None:
        return None
    return {
        "decision": advice.decision,
        "reasons": list(reasons_in_words(advice)),
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
