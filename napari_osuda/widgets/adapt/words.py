"""What the Adapt panel says of runs, images and results; a decision is made on data and only worded here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from napari_osuda.widgets.qt.words import time_left

if TYPE_CHECKING:
    from napari_osuda.session import Progress, RunResult
    from napari_osuda.widgets.cockpit.cockpit import Cockpit

# Each state of a run, and the hue of its mark; the words alone tell it as well.
STATES: dict[str, tuple[str, str]] = {
    "idle": ("Ready", "text"),
    "loading": ("Loading", "blue"),
    "running": ("Running", "blue"),
    "paused": ("Paused", "orange"),
    "stopping": ("Stopping after this iteration", "orange"),
    "done": ("Done", "green"),
    "stopped": ("Stopped", "orange"),
    "failed": ("Failed", "red"),
}
NOT_READY = "Not ready"
READING = "reading the images"
SEGMENTING = "segmenting with the source model"

_STAGES = {
    "before": SEGMENTING,
    "adapt": "adapting",
    "statistics": "measuring the image statistics",
    "after": "segmenting with the adapted model",
    "guard": "comparing the masks",
    "writing": "writing the run folder",
}
_COUNTED = {"before": "slice", "adapt": "iteration", "after": "slice"}

# Each decision of the guard, as short as a button.
_RECOMMENDATIONS: dict[str, str] = {
    "accept": "Use adapted",
    "keep-source": "Use original",
    "neither": "Trust neither: mark by hand",
}
REMOVED_SEEN = "The layer 'difference' shows what was removed."
NEITHER_NEXT = "No mask is chosen. Press Review to compare them and to mark by hand."
NO_GUARD = "No recommendation: the guard is off. Look at both masks before you choose."
NO_ADAPTED = "Use original: the run ended before there was an adapted mask."

# Each method in words that need no paper; its summary and its source stand in the tooltip.
METHOD_SUMMARIES: dict[str, str] = {
    "osuda": "Recommended. Adjusts the model to this scan, step by step.",
    "osuda-paper": "The method exactly as first published (2021), in 40 iterations.",
    "osuda-ac": "For comparison: every channel of the model is adjusted alike.",
    "osuda-se": "Adjusts only the image statistics. Nothing is trained.",
    "osuda-mc": "The method's later version (2023). It also learns from its own masks.",
    "source-only": "No adaptation: the source model as it is.",
    "contrast-only": "No adaptation: only the contrast of the image is converted, according to its name.",
    "curve": "No adaptation: the brightness of the image is converted by a curve that is fitted to it.",
    "adabn": "Replaces the stored image statistics with those of this scan. Nothing is trained.",
    "norm-prior": "Mixes the stored image statistics with those of this scan. Nothing is trained.",
    "dua": "Moves the image statistics slowly towards this scan. Nothing is trained.",
    "tent": "Makes the model more certain on this scan. It can become certain of errors.",
    "cruda": "You give the share of the pixels that each label has. A wrong share does harm.",
    "sar": "As tent, on reliable pixels only. It starts again if the mask collapses.",
    "grata": "Trains towards the same mask when the image is mirrored or its brightness changes.",
    "intent": "Averages the masks under six mixes of image statistics. Nothing is trained.",
    "muvi": "Trains towards the same mask when the axes of the image are exchanged.",
    "vptta": "Adjusts the image to the model instead of the model to the image.",
}


def _pieces(removed: int) -> str:
    from napari_osuda.session.guard.wording import pieces_words

    return pieces_words(removed)


def recommendation_words(decision: str, removed: int = 0) -> str:
    """A decision as short as a button; ``removed``: pieces of the original mask that were removed."""
    if decision == "accept" and removed:
        return f"Use reduced, {_pieces(removed)} removed"
    return _RECOMMENDATIONS[decision]


def use_words(removed: int = 0) -> str:
    """The button that takes the second mask, with its key."""
    return "Use &reduced" if removed else "Use &adapted"


def use_tip(removed: int = 0) -> str:
    """What that mask is."""
    if not removed:
        return "Shows the adapted mask, and saves it"
    return (
        f"Shows the original mask without {_pieces(removed)} that the model does not find again, and saves it"
    )


def model_tip(removed: int = 0) -> str:
    """Which model is saved."""
    if not removed:
        return "Saves the adapted model as a folder, which opens like the source model"
    return "Saves the original model as a folder. It removes pieces that it does not find again."


def progress_words(progress: Progress) -> str:
    """Stage, how far it is, and time left of the whole run."""
    unit = _COUNTED.get(progress.stage)
    parts = [
        _STAGES.get(progress.stage, progress.stage),
        f"{unit} {progress.done} of {progress.total}" if unit else "",
        time_left(progress.seconds_left),
    ]
    return ", ".join(part for part in parts if part)


def result_words(result: RunResult, *, where: bool = True) -> str:
    """How far a run came, of which iteration its result is and why, and in which folder it is saved."""
    parts = [
        f"{len(result.reports)} of {result.job.config.iterations} iterations",
        _iteration_words(result),
        f"Saved in {result.folder.name}" if where and result.folder is not None else "",
    ]
    return ". ".join(part for part in parts if part)


# What is used in place of what training led to.
_USED: dict[str, str] = {
    "curve": "only the intensities were converted",
    "mirror": "the original model is used, averaged over the image and its mirror image",
    "pieces": (
        "the original mask is used, without pieces that the model does not find again in the rotated image"
    ),
    "statistics": "only the image statistics were adjusted",
}


def _candidate(result: RunResult) -> str:
    """Whose mask the guard has chosen, as it stands in its signals; "" where it does not say."""
    for case in result.cases:
        if case.recommendation is not None and case.recommendation.signals:
            return str(case.recommendation.signals.get("candidate", ""))
    return ""


def _iteration_words(result: RunResult) -> str:
    from napari_osuda.session import IterationReason

    if result.iteration is None:
        return ""
    if result.iteration_reason is IterationReason.GUARD and result.iteration == 0:
        return f"Training made it worse; {_USED.get(_candidate(result), _USED['statistics'])}"
    why = {
        IterationReason.COLLAPSE: ": after it, the segmentation collapsed",
        IterationReason.PERSON: ", as chosen",
    }
    reason = result.iteration_reason
    reason_words = why.get(reason, "") if reason is not None else ""
    return f"The result is that of iteration {result.iteration}{reason_words}"


def closing_words(cockpit: Cockpit) -> str:
    """What closing a panel or a window on the run under way would mean."""
    job, history = cockpit.controller.job, cockpit.history
    if job is None:
        return ""
    kept = "" if job.out is None else f" It is kept in {job.out}, and OSUDA: Adapt offers to resume it."
    done = 0 if history is None else len(history)
    return (
        f"The run on {cockpit.case} is at iteration {done} of {job.config.iterations}. "
        f"Close and interrupt it?{kept}"
    )


def other_case(case: str, cockpit: Cockpit, chosen: Iterable[Any]) -> str:
    """What the images are called that are chosen now; "" where they are of the case of the last run."""
    inside = [layer in cockpit.images for layer in chosen]
    if not inside or all(inside) or (any(inside) and case == cockpit.case):
        return ""
    return "all images that are chosen now" if any(inside) else case


def missing_words(channels: Sequence[str]) -> str:
    """Which images a model still needs."""
    return f"choose the image for {', '.join(channels)}"


def substitute_words(others: Mapping[str, str], *, converted: bool) -> str:
    """Which contrasts stand in for those of the model (channel to contrast), and what is done for it."""
    others_words = [f"{found} is used in place of {channel.upper()}" for channel, found in others.items()]
    if not others_words:
        return ""
    done = "Its brightness is converted" if converted else "Its brightness stays as it is"
    return f"{'; '.join(others_words)}. {done if len(others_words) == 1 else done.replace('Its', 'Their')}."


def folders_words(folders: Sequence[str]) -> str:
    """That the images may be of several patients."""
    if not folders:
        return ""
    return f"The images are in different folders ({', '.join(folders)}). Are they of one patient?"


def tilt_words(layer: str, degrees: float) -> str:
    """That an image is shown straightened."""
    return (
        f"'{layer}' is tilted by {degrees:.1f}° against the patient's axes. It is shown straightened. "
        "Masks are saved in its true position."
    )


def gap_words(layer: str, thickness_mm: float, between_mm: float) -> str:
    """That slices may be missing from an image."""
    return (
        f"The slices of '{layer}' are {thickness_mm:.3g} mm thick and lie {between_mm:.3g} mm apart. "
        "Are slices missing?"
    )


def resampled_words(layers: Sequence[str], reference: str) -> str:
    """That images are resampled to the voxels of another."""
    if not layers:
        return ""
    quoted = [f"'{layer}'" for layer in layers]
    names = ", ".join(quoted[:-1]) + (" and " if len(quoted) > 1 else "") + quoted[-1]
    return (
        f"{names} {'is' if len(quoted) == 1 else 'are'} resampled to the voxels of '{reference}' by the "
        "headers, without registration. Check that they match."
    )


def unplaced_words(layers: Sequence[str]) -> str:
    """That an image does not say how it lies in the patient."""
    if not layers:
        return ""
    return (
        f"The file of '{layers[0]}' does not give the patient's directions. The patient's right is taken "
        "to be on the left of the screen: please check."
    )
