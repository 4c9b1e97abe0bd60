"""What a bioimage.io description says is done before and after the network, in terms of the model card.

The list of what is understood is closed: a step, or an argument of one, that the card cannot express is told
and asked, never replaced by one that sounds like it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_osuda.errors import shown
from napari_osuda.models.description.schema import Axis, ProcessingStep

__all__ = ["describe_processing"]

_SPACE = frozenset({"x", "y", "z"})
_LARGEST_EPS = 1e-3


def describe_processing(
    axes: Sequence[Axis],
    before: Sequence[ProcessingStep],
    after: Sequence[ProcessingStep],
    said: dict[str, Any],
    guessed: dict[str, Any],
) -> tuple[str, ...]:
    """Normalization and activation into ``said`` and ``guessed``; gives what the user should know.

    Parameters
    ----------
    axes : sequence of Axis
        Of the input.
    before, after : sequence of Step
        What the description says of the processing.
    said, guessed : dict
        Fields of the card, stated and left open. ``spatial_dims`` and the channels are there already.
    """
    channels = len(said.get("channels") or guessed.get("channels") or ("",))
    return (*_before(axes, before, channels, said, guessed), *_after(after, said, guessed))


def _before(
    axes: Sequence[Axis],
    steps: Sequence[ProcessingStep],
    channels: int,
    said: dict[str, Any],
    guessed: dict[str, Any],
) -> list[str]:
    # Whole numbers would round intensities.
    steps = [s for s in steps if s.id != "ensure_dtype" or not str(s.kwargs.get("dtype")).startswith("float")]
    guessed["normalisation"] = "zscore_nonzero"
    if not steps:
        return []
    notes = []
    known = [_normalization(step, axes, channels) for step in steps]
    if len(steps) == 1 and known[0] is not None:
        how, difference = known[0]
        guessed["normalisation"] = how
        if not difference:
            said["normalisation"] = guessed.pop("normalisation")
            return []
        notes.append(f"The package normalizes by {_words(steps[0])}. {difference}")
    else:
        listed = ", then ".join(_words(step) for step in steps)
        notes.append(
            f"The package prepares images by {listed}, which is not done here. Choose the closest "
            "normalization, and compare masks with those of the package's own tool."
        )
    return notes


def _normalization(step: ProcessingStep, axes: Sequence[Axis], channels: int) -> tuple[str, str] | None:
    """The card's word for a step, and in which way it differs ("" for none); None where there is no word."""
    if step.id == "zero_mean_unit_variance":
        how, used = "zscore", {"axes", "mode", "eps"}
        exact = _number(step.kwargs.get("eps", 1e-6)) <= _LARGEST_EPS
    elif step.id == "scale_range":
        how, used = "range", {"axes", "mode", "eps", "min_percentile", "max_percentile"}
        ends = (step.kwargs.get("min_percentile", 0.0), step.kwargs.get("max_percentile", 100.0))
        exact = ends in ((0, 100), (1, 99)) and _number(step.kwargs.get("eps", 1e-6)) <= _LARGEST_EPS
        if ends == (1, 99):
            how = "percentile_1_99"
    else:
        return None
    if not exact or set(step.kwargs) - used or step.kwargs.get("mode", "per_sample") != "per_sample":
        return None
    over = _axes_of(step.kwargs.get("axes"), axes)
    space = {axis.id for axis in axes if axis.type == "space"}
    if over is None or not space <= over:
        return None
    differences = []
    if channels > 1 and "channel" in over:
        differences.append("It does so over all channels together; here each channel is taken by itself.")
    if len(space) == 2:
        differences.append("It does so for each slice; here it is done once for the whole volume.")
    if how == "percentile_1_99":
        differences.append("Here, values beyond the percentiles are also cut off.")
    return how, " ".join(differences)


def _axes_of(given: Any, axes: Sequence[Axis]) -> set[str | None] | None:
    """The axes over which a step computes, "channel" for that of the channels; None where it is unclear."""
    if given is None:
        return {"channel" if axis.type == "channel" else axis.id for axis in axes if axis.type != "batch"}
    if isinstance(given, str):
        # The letters of 0.4.
        names: set[str | None] = {"channel" if letter == "c" else letter for letter in given}
    elif isinstance(given, list) and all(isinstance(name, str) for name in given):
        names = set(given)
    else:
        return None
    names -= {"b", "batch"}
    known = {"channel" if axis.type == "channel" else axis.id for axis in axes}
    return names if names <= known else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value == value else float("inf")


def _after(steps: Sequence[ProcessingStep], said: dict[str, Any], guessed: dict[str, Any]) -> list[str]:
    left = list(steps)
    activation = next((step.id for step in left if step.id in ("softmax", "sigmoid")), None)
    if activation is not None and left[0].id == activation:
        said["activation"] = activation
        left = left[1:]
    else:
        names = said.get("output_channels") or guessed.get("output_channels") or ("",)
        guessed["activation"] = activation or ("sigmoid" if len(names) == 1 else "softmax")
    if left and left[0].id == "binarize" and left[0].kwargs.get("threshold") == 0.5:
        left = left[1:]
    left = [step for step in left if step.id != "ensure_dtype"]
    if not left:
        return []
    listed = ", then ".join(_words(step) for step in left)
    return [
        f"After the network, the package's own tool does {listed}. Here a label is where its probability is "
        "above 0.5, or the largest."
    ]


def _words(step: ProcessingStep) -> str:
    listed = ", ".join(
        f"{shown(key, 20)[1:-1]} {_value(value)}" for key, value in list(step.kwargs.items())[:6]
    )
    return f"{step.id} ({listed})" if listed else step.id


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "..."
    text = shown(value, 30)
    return text[1:-1] if isinstance(value, str) else text
