"""What the tools of the review say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_osuda.session.review.tools.use import Scope, Tool

LABEL = "Label"
ALL_LABELS = "All labels"
WHERE = "Where"
SCOPES = {
    Scope.SLICE: "This slice",
    Scope.SLICES: "Each slice of this plane",
    Scope.VOLUME: "Whole volume (3-D)",
}
TITLES: Mapping[Tool, str] = {
    Tool.FILL_HOLES: "Fill holes",
    Tool.REMOVE_ISLANDS: "Remove islands",
    Tool.SMOOTH: "Smooth",
    Tool.INTERPOLATE: "Interpolate",
    Tool.GROW: "Grow",
    Tool.BRING_BACK: "Bring back",
}
TIPS: Mapping[Tool, str] = {
    Tool.FILL_HOLES: "Fills gaps that a label surrounds on all sides, with that label",
    Tool.REMOVE_ISLANDS: "Removes separate parts that are smaller than this volume",
    Tool.SMOOTH: "Rounds the outline. Details smaller than this length disappear.",
    Tool.INTERPOLATE: "Fills the slices between two that you painted. Go to a slice in the gap first.",
    Tool.GROW: "Extends the label into connected voxels of this intensity, up to this distance",
    Tool.BRING_BACK: "Puts the piece into the final mask. Undo takes it out again.",
}
PIECES = "Removed pieces"
PIECES_TIP = (
    "The model does not find them again in the rotated image. They may be real: look at each. "
    "A check mark: it is in the final mask."
)
SHOW = "Show"
SHOW_TIP = "Goes to the slice in which the piece is largest, and shows the difference of the masks"
UNDER, BY, UP_TO = "under", "by", "up to"
BETWEEN = "between painted slices"
FROM_LABEL = "Take from label"
FROM_LABEL_TIP = "Sets the range to the intensities inside the label: 5th to 95th percentile"
IN_RANGE = "Paint and erase only in this range"
IN_RANGE_TIP = "The brush changes only voxels whose intensity is in the range"
BUSY = "A tool is at work. Wait until it is done."
WORKING = "Working\N{HORIZONTAL ELLIPSIS}"
OVERTAKEN = "The mask has changed meanwhile, so the tool changed nothing. Use it again."
NO_IMAGE = "No image of this case is shown on the mask's grid. Show one first."
NO_LABEL_HERE = "The label does not occur in the final mask, so it has no range."
NOTHING_IN_RANGE = "No voxel of the stroke has an intensity in the range. Change the range under Tools."
APPLY = "Apply"
KEEP = "Keep label {}"
USE = "Use {}"


def piece(number: int, place: str, ml: float, back: bool) -> str:
    """A removed piece in its list.

    >>> piece(1, "axial 4 to 9", 1.234, back=False)
    '1: axial 4 to 9, 1.23 ml'
    """
    mark = "\N{CHECK MARK} " if back else ""
    return f"{mark}{number}: {place}, {ml:.2f} ml"


def no_change(title: str) -> str:
    """That a tool found nothing to do."""
    return f"{title}: nothing to change here."


def changed(title: str, where: str, ml: Mapping[str, float]) -> str:
    """What a tool did."""
    return f"{title}: changed {where}.{_volumes(ml)}"


def question(title: str, where: str, edited: str, ml: Mapping[str, float]) -> str:
    """What is asked before a tool changes more than the current slice."""
    lost = f" Edits in {edited} would change." if edited else ""
    return f"{title} in {where}?{lost}{_volumes(ml)}"


def unknown_label(value: int, names: Sequence[str]) -> str:
    """What is asked when a label is painted that the model does not have."""
    return (
        f"Label {value} is not one of the model's labels ({', '.join(names)}). "
        "Keep it as a new label, or use another?"
    )


def _volumes(ml: Mapping[str, float]) -> str:
    said = ", ".join(
        f"{name} {value:+.2f} ml".replace("-", "\N{MINUS SIGN}")
        for name, value in ml.items()
        if abs(value) >= 0.005
    )
    return f" {said}." if said else ""
