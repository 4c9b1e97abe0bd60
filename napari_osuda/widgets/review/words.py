"""Everything that the Review panel says; a decision is made on data and only worded here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from napari_osuda.session.guard.wording import headline as recommendation_words
from napari_osuda.session.report.words import MASKS
from napari_osuda.session.review.case import ReviewCase
from napari_osuda.session.review.log import Entry, Kind, SlicePlane
from napari_osuda.session.review.saving import Saved
from napari_osuda.session.review.wording import slice_list, undecided_count, undecided_words

# What the masks "before", "after" and "final" are called.
Names = Mapping[str, str]

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
ARROW = "\N{RIGHTWARDS ARROW}"
FLAG = "\N{BLACK FLAG}"
TRIANGLE = "\N{BLACK UP-POINTING TRIANGLE}"

# The panel as a whole

EMPTY = (
    "No review is open. Run <b>OSUDA: Adapt</b>, or open a run folder with the button above. "
    "A run folder can also be dropped on this panel."
)
REVIEW_LAST = "Review the last run"
OPEN = f"Open{ELLIPSIS}"
OPENING = f"Opening the masks{ELLIPSIS}"
OPEN_TIP = "Open a run folder. It can also be dropped on this panel."
WORKLIST_TIP = "All cases, and where the review of each stands"
NO_OTHER_CASE = "There is no other case on the worklist."
NAME_HINT = "Your name"
NAME_TIP = "The reviewer. The name signs all decisions of this session."
SAVE = "Save and sign"
SAVE_TIP = "Writes the final mask, the slice table and the report into the run folder"
NEEDS_NAME = "Enter your name first. The record says who decided."
NAME_NEXT = "All slices are decided. Write your name and press Enter to save and sign."
DETAILS, LESS = "Details", "Less"
TABS = {
    "slices": "Slices",
    "opacity": "Labels",
    "tools": "Tools",
    "runs": "Runs",
    "reference": "Scores",
    "keys": "Keys",
}

FINAL_HOLDS = "Final mask:"
VOLUMES = "ml"

# Decisions

EDIT = "Edit"
EDIT_TIP = "Opens the final mask for napari's paint tools. Every stroke is recorded."
FLAG_BUTTON = "Flag"
FLAG_TIP = "Flags the slice, or the selected rows, with the comment below. Click again to remove the flag."
COMMENT_HINT = "Comment (Enter sets the flag)"
UNDO, REDO = "Undo", "Redo"
NOTHING_TO = {"undo": "There is nothing to undo.", "redo": "There is nothing to redo."}
THEN_NEXT = "then go to the next undecided slice"
REST_TIP = "Decides every slice of this plane that has a label and no decision"
NONE_UNDECIDED = "Every slice of this plane is decided."
WHOLE = "Whole case"
FLAG_CASE = "Flag this case with the comment"
IN_3D = "No slice is shown in the 3-D view, so nothing was done. Switch to the 2-D view first."
OUTSIDE = "No slice of this case was shown, so nothing was done. The nearest one is shown now."
EDITING = "Paint in the final mask. Every stroke is recorded. Click Edit again to lock the mask."
LOCKED_IN_3D = "The final mask is locked in the 3-D view."
NEITHER = "Neither mask is recommended."
LEAVE_EDITED = "Leave edited slices"
SAVE_ANYWAY = "Save anyway"
EXPORT = "Export"
EXPORTING = f"Exporting{ELLIPSIS}"
EXPORT_TIP = "Copies what was signed to another place"
EXPORTS = {
    "nifti": f"Mask as NIfTI{ELLIPSIS}",
    "dicom seg": f"Mask as DICOM-SEG{ELLIPSIS}",
    "table": f"Slice table as CSV{ELLIPSIS}",
    "page": f"Report as web page{ELLIPSIS}",
    "pdf": f"Report as PDF{ELLIPSIS}",
}
CHOOSE_FOLDER = "Choose an empty folder for this run and its review"
OPEN_FOLDER = "Open a run folder"
REPORTING = f"Writing the report{ELLIPSIS}"
REPORT_DONE = "The report is in the run folder."
SCORES = "Compare with labels that a person has drawn. They give the scores and decide nothing."
OPACITY = "Opacity of each label"
CHOOSE_REFERENCE = "Reference labels"

_DONE: Mapping[str, str] = {"edited": "Edited", "flag": "Flagged", "unflag": "Flag removed from"}

# Ways to look

MODES: dict[str, tuple[str, str]] = {
    "overlay": ("Overlay", "The {after} mask filled, the original mask as a contour"),
    "side": ("Side by side", "The original mask on the left, the {after} mask on the right"),
    "difference": ("Difference", "What the {after} mask adds, lacks, keeps and relabels"),
    "final": ("Final", "The final mask, as decided so far"),
}
"""Name and explanation of each way to look; ``{after}`` is what the second mask is called."""

MEANINGS = {
    "overlay": "Filled: {after}. Contour: original.",
    "side": "Left: original. Right: {after}.",
    "final": "The final mask, as decided so far.",
    "error": "Only the error map is shown. Choose a view above to see the masks again.",
}
ERRORS = {1: "too much", 2: "missed", 3: "right", 4: "another label"}
"""What the values of `difference` mean from a reference to a mask."""

# The list of slices

FILTERS = {
    "marked": "With labels",
    "changed": "Changed",
    "flagged": "Flagged",
    "undecided": "Undecided",
    "uncertain": "Most uncertain",
    "all": "All slices",
}
"""What the table can be narrowed to: slices with labels, changed ones, flagged by guard or person, ..."""

CHOICE_MARKS: Mapping[Kind, str] = {
    "after": "\N{CHECK MARK}",
    "before": "\N{LEFTWARDS ARROW WITH HOOK}",
    "edited": "\N{LOWER RIGHT PENCIL}",
}
"""A mark for each decision on a slice."""

# A reference

NO_REFERENCE = "No reference"
REFERENCE_TIP = "Labels drawn by a person. They are used for scores and error maps only."
FILE = f"File{ELLIPSIS}"
NO_ERROR_MAP = "No error map"
MEASURING = f"Measuring against the reference{ELLIPSIS}"


def error_map(which: str, names: Names = MASKS) -> str:
    """The error map of a mask."""
    return f"Error map of the {names[which]} mask"


def use(kind: str, names: Names = MASKS) -> str:
    """The button that takes a mask; ``names`` is what the case's masks are called."""
    return f"Use {names[kind]}"


def use_tip(kind: str, names: Names = MASKS) -> str:
    """What `use` does."""
    return f"Takes the {names[kind]} mask in this slice, or in the selected rows"


def rest(kind: str, names: Names = MASKS) -> str:
    """The button that takes a mask in all undecided slices."""
    return f"All undecided: use {names[kind]}"


def whole(kind: str, names: Names = MASKS) -> str:
    """The command that takes a mask in the whole case."""
    return f"Use {names[kind]} in the whole case"


def choice_label(kind: Kind, names: Names = MASKS) -> str:
    """What was decided on a slice, in its row."""
    return f"{CHOICE_MARKS[kind]} {names.get(kind, kind)}"


def headline(case: ReviewCase) -> str:
    """The recommendation for a case."""
    return recommendation_words(case.decision, case.removed)


def where(steps: Sequence[int], plane: SlicePlane | None) -> str:
    """Slices in words, by the viewer's numbers."""
    if plane is None:
        return "the whole case"
    if len(steps) == 1:
        return f"{plane} slice {steps[0]}"
    return f"{len(steps)} {plane} slices ({slice_list(steps)})"


def done(kind: str, steps: Sequence[int], plane: SlicePlane | None, names: Names = MASKS) -> str:
    """That a decision was recorded."""
    what = f"{names[kind].capitalize()} mask used in" if kind in names else _DONE[kind]
    return f"{what} {where(steps, plane)}."


def stepped(step: str, entry: Entry, steps: Sequence[int], names: Names = MASKS) -> str:
    """That a decision was undone or redone."""
    said = done(entry.kind, steps, entry.plane, names)
    return f"{'Undone' if step == 'undo' else 'Redone'}: {said[0].lower()}{said[1:]}"


def target(steps: Sequence[int], plane: SlicePlane) -> str:
    """What the buttons act on, where that is more than the current slice."""
    return f"The buttons act on {where(steps, plane)}." if len(steps) > 1 else ""


def decide_question(
    kind: str, steps: Sequence[int], plane: SlicePlane, edited: Sequence[int], names: Names = MASKS
) -> str:
    """What is asked before more than one slice, or an edited one, is decided."""
    if len(steps) == 1:
        return f"{where(steps, plane).capitalize()} is edited. Replace the edit with the {names[kind]} mask?"
    lost = f" Edits in {where(edited, plane)} would be replaced." if edited else ""
    return f"{use(kind, names)} in {where(steps, plane)}?{lost}"


def flag_question(steps: Sequence[int], plane: SlicePlane, flagged: bool) -> str:
    """What is asked before more than one slice is flagged."""
    return f"{'Flag' if flagged else 'Remove the flag from'} {where(steps, plane)}?"


def whole_question(kind: str, decided: int, edited: bool, names: Names = MASKS) -> str:
    """What is asked before the whole case is decided."""
    lost = f" This replaces {decided} earlier decision{'s' * (decided != 1)}." if decided else ""
    return f"{whole(kind, names)}?{lost}" + (" All edits would be replaced." if edited else "")


def save_question(case: ReviewCase, undecided: int, plane: SlicePlane) -> str:
    """What is asked before a mask with undecided slices is saved."""
    held = "It holds" if undecided == 1 else "They hold"
    counted = undecided_count(undecided).replace("slice", f"{plane} slice")
    return f"{counted}. {held} {undecided_words(case)}. Save anyway?"


def save_doubted(case: ReviewCase, counts: Mapping[str, int], plane: SlicePlane) -> str:
    """What is asked before a mask is saved although neither was recommended."""
    held = {kind: f"of the {name} mask" for kind, name in case.names.items()} | {"edited": "edited by hand"}
    parts = [
        f"{count} {plane} slice{'s' * (count != 1)} {held[kind]}" for kind, count in counts.items() if count
    ]
    return f"{NEITHER} The final mask holds {', '.join(parts) or 'no label'}. Save and sign it?"


def exported(path: object) -> str:
    """That something was exported."""
    return f"Exported {path}."


def lapsed(steps: Sequence[int], plane: SlicePlane) -> str:
    """That decisions no longer hold."""
    if not steps:
        return ""
    needs = "needs" if len(steps) == 1 else "need"
    said = where(steps, plane)
    return f"The mask has changed since it was decided: {said} {needs} a new decision."


def saved(result: Saved, undecided: int) -> str:
    """What was written; the whole path stands in a tooltip, since it fills a narrow panel."""
    path = result.path
    said = [f"Saved {path.name} in {path.parent.parent.name}/{path.parent.name}."]
    if result.segmentation is not None:
        said.append(f"{result.segmentation.name} is the same as DICOM-SEG.")
    said += [result.problem] if result.problem else []
    said += [f"{undecided_count(undecided)}."] if undecided else []
    return " ".join(said)


def put_back(names: Sequence[str]) -> str:
    """That deleted layers were shown again."""
    listed = ", ".join(f"'{name}'" for name in names)
    belong = "belongs to this review and was" if len(names) == 1 else "belong to this review and were"
    return f"{listed} {belong} put back. Close the panel to end the review."


def closed(case: str) -> str:
    """That a case is no longer under review."""
    return f"The layers of case {case} were removed, so its review is closed. All decisions are kept."


def closed_html(sentence: str) -> str:
    """The empty panel after a review was closed."""
    return f"{escape(sentence)} {EMPTY}"


def no_such_slice(wanted: str) -> str:
    """That there is none to go to."""
    return f"No slice of this plane is {wanted}."


def position(step: int, mm: float, changed: int, uncertainty: float | None, flag: Entry | None) -> str:
    """The current slice."""
    said = f"Slice {step}, {mm:.0f} mm: {changed:,} voxels changed"
    if uncertainty is not None:
        said += f", uncertainty {uncertainty:.2f}"
    if flag is not None:
        said += f". Flagged: {flag.comment or 'no comment'}"
    return said
