"""What a report says around its figures."""

from __future__ import annotations

from collections.abc import Mapping

from napari_osuda.session.guard.wording import DECISIONS, headline, second_name

__all__ = [
    "CALIBRATION",
    "HEADLINES",
    "MASKS",
    "NOT_A_DEVICE",
    "NO_CURVES",
    "NUMBERS",
    "OUTCOMES",
    "REFERENCE_NOTE",
    "REMOVED",
    "REMOVED_NOTE",
    "SCALE",
    "SUMMARY",
    "contrast_words",
    "mask_names",
]

NOT_A_DEVICE = (
    "napari-osuda is a research tool and not a medical device. This page is not meant for diagnosis or "
    "treatment. A mask is a proposal until a qualified person has checked it, slice by slice."
)
HEADLINES: Mapping[str | None, str] = {
    "reduced": "Use the reduced mask (the original, pieces removed)",
    **{key: headline(key) for key in (*DECISIONS, None)},
}
"""The recommendations of many runs as headlines; "reduced" is one to accept a reduced mask."""

OUTCOMES: Mapping[str, str] = {
    "done": "The run is complete.",
    "stopped": "The run was stopped early. These are its partial results.",
    "failed": "The run failed. These are the results until then.",
}
MASKS: Mapping[str, str] = {"before": "original", "after": "adapted", "final": "final"}
"""The masks by the names that files have for them."""

REMOVED = "Removed pieces"
REMOVED_NOTE = (
    "The model finds nothing there in the image rotated by 180 degrees. OSUDA: Review brings a piece back."
)

REFERENCE_NOTE = "The reference was used for these scores only, not for the adaptation or the recommendation."
SCALE = "R, L, A, P: the patient's right, left, front, back. The bar is 50 mm."
NUMBERS = "The numbers are in steps.csv and channels.npz, in the folder of this page."
NO_CURVES = "No iteration was run, so there are no curves."
CALIBRATION = "Calibration of the network's probabilities, over all voxels of the head (0 is best)"
SUMMARY = "All cases against their references, mean \N{PLUS-MINUS SIGN} standard deviation"


def mask_names(removed: int) -> Mapping[str, str]:
    """`MASKS` of a case from whose second mask that many pieces of the original one were removed.

    >>> mask_names(3)["after"]
    'reduced'
    """
    return {**MASKS, "after": second_name(removed)}


def contrast_words(substituted: Mapping[str, str], *, converted: bool) -> str:
    """Which contrasts stand in for those of the model, by channel, in a cell of a table.

    >>> contrast_words({"t2": "flair"}, converted=True)
    'FLAIR as T2, converted'
    """
    if not substituted:
        return ""
    said = "; ".join(f"{contrast.upper()} as {channel.upper()}" for channel, contrast in substituted.items())
    return f"{said}, {'converted' if converted else 'as it is'}"
