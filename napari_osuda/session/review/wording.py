"""What a review says in words; every decision is made on data and only worded here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_osuda.session.report.words import MASKS
from napari_osuda.session.review.case import ReviewCase
from napari_osuda.session.review.log import Entry, Kind
from napari_osuda.session.review.slices import SliceWarning, WarningKind
from napari_osuda.session.review.tools.use import Scope, Tool, ToolUse

__all__ = [
    "FILE_DECISIONS",
    "changed_image",
    "decision_words",
    "iteration_question",
    "missing_image",
    "other_shape",
    "other_window",
    "slice_list",
    "undecided_count",
    "undecided_words",
    "use_words",
    "warning_words",
]

FILE_DECISIONS: Mapping[Kind | None, str] = {
    "after": "accept after", "before": "keep before", "edited": "edited", None: "undecided",
}  # fmt: skip
"""The same in ``<case>-slices.csv``, where they stay as they are."""


def decision_words(chosen: Entry | None, names: Mapping[str, str] = MASKS) -> str:
    """What was decided on a slice; ``names`` is what the case's masks are called."""
    if chosen is None:
        return "undecided"
    return f"use {names[chosen.kind]}" if chosen.kind in names else chosen.kind


def warning_words(warning: SliceWarning | None, names: Mapping[str, str] = MASKS) -> str:
    """Why a slice deserves a second look; "" where it does not."""
    second = names["after"]
    if warning is None:
        return ""
    mm2 = "mm\N{SUPERSCRIPT TWO}"
    before, after = warning.before_mm2, warning.after_mm2
    if warning.kind is WarningKind.ADAPTED_EMPTY:
        return f"The {second} mask is empty here. The original mask has {before:,.0f} {mm2}."
    if warning.kind is WarningKind.ORIGINAL_EMPTY:
        return f"The original mask is empty here. The {second} mask has {after:,.0f} {mm2}."
    if warning.kind is WarningKind.SMALLER:
        share = f"{after / before:.0%}".replace("%", " %") if after >= 0.01 * before else "less than 1 %"
        return f"The {second} mask has {share} of the original area."
    if warning.kind is WarningKind.LARGER:
        return f"The {second} mask has {after / before:.1f} times the original area."
    return f"The two masks hardly overlap (Dice {warning.dice:.2f})."


def use_words(use: ToolUse, labels: Mapping[int, str]) -> str:
    """A use of a tool with its parameters: "remove islands under 0.1 ml (edema, volume in 3-D)"."""
    if use.tool is Tool.BRING_BACK:
        return f"bring back piece {use.piece}"
    said = use.tool.value
    if use.tool is Tool.REMOVE_ISLANDS:
        said += f" under {use.ml:g} ml"
    elif use.tool is Tool.SMOOTH:
        said += f" by {use.mm:g} mm"
    elif use.tool is Tool.GROW:
        said += f" by up to {use.mm:g} mm"
    if use.tool in (Tool.GROW, Tool.PAINT_IN_RANGE):
        said += f", {use.image} from {use.low:g} to {use.high:g}"
    on = "all labels" if use.label is None else labels.get(use.label, f"label {use.label}")
    if use.tool in (Tool.INTERPOLATE, Tool.PAINT_IN_RANGE):
        return f"{said} ({on})"
    where = {Scope.SLICE: "one slice", Scope.SLICES: "each slice", Scope.VOLUME: "volume in 3-D"}
    return f"{said} ({on}, {where[use.scope]})"


def undecided_words(case: ReviewCase) -> str:
    """What slices hold that nobody has decided."""
    if case.proposed is None:
        return "no label, because neither mask is recommended"
    why = ", which is recommended" if case.decision else ""
    return f"the {case.names[case.proposed]} mask{why}"


def missing_image(channel: str, case: str, path: object) -> str:
    """That an image of a case is not where it was."""
    if path is None:
        return (
            f"The image {channel} of case {case} came from an open layer, not from a file. "
            "Open it beside the masks."
        )
    return (
        f"The image {channel} of case {case} is no longer at {path}. Move it back, or open it from its "
        "new place."
    )


def other_shape(path: object) -> str:
    """That a file is not shown."""
    return f"{path} has another shape or place than when it was segmented. It is not shown."


def changed_image(path: object) -> str:
    """That a file is shown with a doubt."""
    return f"{path} has changed since it was segmented. The masks may not fit it."


def other_window(path: object) -> str:
    """That somebody else writes the same record."""
    return (
        f"{path} was written by another window since it was opened here. "
        "Close one of the two windows and open the run folder again."
    )


def undecided_count(undecided: int) -> str:
    """How many slices nobody has decided."""
    return f"{undecided} slice is undecided" if undecided == 1 else f"{undecided} slices are undecided"


def slice_list(steps: Sequence[int]) -> str:
    """Slice numbers as a person writes them: "3, 5 to 8, 12"."""
    runs: list[list[int]] = []
    for step in sorted(steps):
        if runs and step == runs[-1][1] + 1:
            runs[-1][1] = step
        else:
            runs.append([step, step])
    parts = [str(a) if a == b else f"{a} to {b}" if b > a + 1 else f"{a}, {b}" for a, b in runs]
    if len(parts) > 8:
        parts = [*parts[:7], f"... {parts[-1]}"]
    return ", ".join(parts)


def iteration_question() -> str:
    """What is asked before another iteration is used for a run that has been reviewed."""
    return (
        "This run has been reviewed. Slices whose adapted mask changes need a new decision. "
        "All other decisions and all edits are kept. Use this iteration?"
    )
