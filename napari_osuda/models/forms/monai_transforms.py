"""What a MONAI bundle does before and after its network, in terms of the model card.

The list of transforms that are understood is closed, with their arguments. What the card cannot express is
told and asked, never replaced by something that sounds like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_osuda.models.forms.monai_config import BundleConfig, TransformStep

__all__ = ["describe_postprocessing", "describe_preprocessing"]

# They read, move and relabel arrays, or pad them; no value changes.
_NEUTRAL = frozenset({
    "LoadImaged", "EnsureChannelFirstd", "AsChannelFirstd", "AddChanneld", "EnsureTyped", "ToTensord",
    "ToDeviced", "Identityd", "CopyItemsd", "DeleteItemsd", "SelectItemsd", "DivisiblePadd", "SpatialPadd",
})  # fmt: skip
_NEUTRAL_AFTER = frozenset({
    "EnsureTyped", "Invertd", "SaveImaged", "ToTensord", "ToDeviced", "CopyItemsd", "DeleteItemsd",
    "SelectItemsd", "Identityd",
})  # fmt: skip
# Arguments that change no value of what comes out.
_ASIDE = frozenset({"keys", "allow_missing_keys", "dtype", "lazy", "meta_keys", "meta_key_postfix"})
_MISSING = object()


def describe_preprocessing(
    configuration: BundleConfig, channels: int, dims: int, said: dict[str, Any], guessed: dict[str, Any]
) -> tuple[str, ...]:
    """Orientation, spacing, cropping and normalization; gives what the user should know.

    Parameters
    ----------
    configuration : BundleConfig
    channels, dims : int
        Input channels of the network, and its spatial axes.
    said, guessed : dict
        Fields of the card, stated and left open.
    """
    guessed["normalisation"], guessed["orientation"] = "zscore_nonzero", "RAS"
    steps, readable = configuration.steps("preprocessing")
    unknown: list[TransformStep] = []
    scaled: list[TransformStep] = []
    for step in steps:
        if step.kind in _NEUTRAL:
            continue
        if step.kind in _INTENSITY:
            scaled.append(step)
        elif not _space(step, scaled, dims, said, guessed):
            unknown.append(step)
    how = _normalization(scaled, channels)
    if dims == 3:
        # What is added around an image is 0 after the normalization.
        said["interpolation"] = "points"
    notes = []
    if not readable:
        notes.append(
            "How the bundle prepares images is an expression, which is not read. Answer from its page."
        )
    if "spacing_mm" in said and "crop_to_head" in said:
        notes.append(
            "The bundle crops images after it has resampled them, and here before that. Masks can differ by "
            "part of a voxel."
        )
    if unknown:
        notes.append(f"The bundle also prepares images by {_words(unknown)}, which is not done here.")
    if how is not None and readable and not unknown and dims == 3:
        said["normalisation"] = how
        guessed.pop("normalisation")
    elif how is not None:
        guessed["normalisation"] = how
        if dims == 2:
            notes.append(
                f"The bundle normalizes each image by {_words(scaled)}; here it is done once for the whole "
                "volume."
            )
    elif scaled:
        notes.append(f"The bundle normalizes by {_words(scaled)}, which is not known here.")
    return tuple(notes)


def _space(
    step: TransformStep,
    scaled: Sequence[TransformStep],
    dims: int,
    said: dict[str, Any],
    guessed: dict[str, Any],
) -> bool:
    """Take a transform of the geometry into the card; False where the card cannot express it."""
    if step.kind == "Orientationd":
        codes = step.arguments.get("axcodes")
        # Turned after the image was resampled along axes that are not known.
        if isinstance(codes, str) and _only(step, "axcodes") and "spacing_mm" not in guessed:
            said["orientation"] = codes
            guessed.pop("orientation", None)
            return True
    elif step.kind == "Spacingd":
        spacing = _lengths(step.arguments.get("pixdim"))
        # Voxel sizes are along the axes that the image has by then, and figures of the resampled image.
        in_order = "orientation" in said and not scaled and dims == 3
        if spacing is not None and in_order and _is_linear_spacing(step):
            said["spacing_mm"] = spacing
            return True
        guessed["spacing_mm"] = None
    elif step.kind == "CropForegroundd":
        # Of an image with values on both sides of 0, "foreground" is what is above the mean.
        moved = any(scaling.kind == "NormalizeIntensityd" for scaling in scaled)
        if not moved and _only(step, "source_key", "start_coord_key", "end_coord_key", "mode"):
            said["crop_to_head"] = True
            return True
    return False


def _is_linear_spacing(step: TransformStep) -> bool:
    known = ("pixdim", "mode", "align_corners", "padding_mode", "ensure_same_shape", "diagonal")
    values = step.arguments
    linear = values.get("mode", "bilinear") in ("bilinear", ["bilinear"])
    edges = values.get("padding_mode", "border") in ("border", ["border"])
    return linear and edges and values.get("diagonal", False) is False and _only(step, *known)


def _lengths(value: Any) -> tuple[float, ...] | None:
    if isinstance(value, int | float):
        value = [value] * 3
    if not isinstance(value, list) or len(value) != 3:
        return None
    given = all(isinstance(mm, int | float) and not isinstance(mm, bool) and 0 < mm < 1e4 for mm in value)
    return tuple(value) if given else None


def _only(step: TransformStep, *known: str) -> bool:
    return not step.unread and not step.arguments.keys() - _ASIDE - set(known)


def _normalization(steps: Sequence[TransformStep], channels: int) -> str | None:
    """The card's word for scalings one after another; None where it has none.

    Of linear ones the last decides, unless it leaves out zeros that an earlier one has moved.
    """
    if not steps:
        return None
    if any(not _is_linear(step) for step in steps[:-1]):
        return None
    how = _word(steps[-1], channels)
    return None if how == "zscore_nonzero" and len(steps) > 1 else how


def _is_linear(step: TransformStep) -> bool:
    return not step.unread and not step.arguments.get("nonzero") and not step.arguments.get("clip")


def _word(step: TransformStep, channels: int) -> str | None:
    values = step.arguments
    kind, known = step.kind, _INTENSITY[step.kind]
    together = channels > 1 and values.get("channel_wise", False) is not True
    if together or not _only(step, *known):
        return None
    if kind == "NormalizeIntensityd":
        if values.get("subtrahend") is not None or values.get("divisor") is not None:
            return None
        nonzero = values.get("nonzero", False)
        return "zscore_nonzero" if nonzero is True else "zscore" if nonzero is False else None
    if kind == "ScaleIntensityd":
        ends: tuple[Any, ...] = (values.get("minv", 0), values.get("maxv", 1), values.get("factor"))
        return "range" if ends[:2] == (0, 1) and ends[2] is None else None
    if kind == "ScaleIntensityRangePercentilesd":
        given: list[Any] = [values.get(key, _MISSING) for key in ("lower", "upper", "b_min", "b_max")]
        exact = given == [1, 99, 0, 1] and values.get("clip") is True and not values.get("relative")
        return "percentile_1_99" if exact else None
    return None


_INTENSITY: dict[str, tuple[str, ...]] = {
    "NormalizeIntensityd": ("subtrahend", "divisor", "nonzero", "channel_wise"),
    "ScaleIntensityd": ("minv", "maxv", "factor", "channel_wise"),
    "ScaleIntensityRangePercentilesd":
        ("lower", "upper", "b_min", "b_max", "clip", "relative", "channel_wise"),
    "ScaleIntensityRanged": (),
}  # fmt: skip


def describe_postprocessing(
    configuration: BundleConfig, said: dict[str, Any], guessed: dict[str, Any]
) -> tuple[str, ...]:
    """Activation into ``said`` or ``guessed``, and what is interpolated; gives what the user should know."""
    steps, readable = configuration.steps("postprocessing")
    unknown = []
    if readable and "spacing_mm" in said:
        said["interpolated"] = _interpolated(steps)
    for step in steps:
        if step.kind in _NEUTRAL_AFTER:
            continue
        values = step.arguments
        for activation in ("sigmoid", "softmax"):
            if values.get(activation) is True:
                said["activation"] = activation
        if values.get("argmax") is True:
            said.setdefault("activation", "softmax")
        half = values.get("threshold", values.get("threshold_values"))
        if half == 0 and half is not False and "activation" not in said:
            # A logit above 0 is a probability above 0.5.
            said["activation"], half = "sigmoid", None
        known = ("sigmoid", "softmax", "argmax", "threshold", "threshold_values", "to_onehot", "n_classes")
        if step.unread or not _only(step, *known) or (half not in (None, 0.5) and not isinstance(half, bool)):
            unknown.append(step)
    if "activation" not in said:
        guessed["activation"] = "softmax"
    notes = []
    if not readable:
        notes.append("What the bundle does after its network is an expression, which is not read.")
    if unknown:
        notes.append(f"After the network, the bundle also does {_words(unknown)}, which is not done here.")
    return tuple(notes)


def _interpolated(steps: Sequence[TransformStep]) -> str:
    """What goes back to the image's voxels: by Invertd, or else by SaveImaged, which takes the nearest."""
    turned = next((i for i, step in enumerate(steps) if step.kind == "Invertd"), None)
    if turned is None or steps[turned].arguments.get("nearest_interp", True) is not False:
        return "nearest"
    before = [step.arguments for step in steps[:turned]]
    if any(values.get("argmax") or values.get("threshold") is not None for values in before):
        # Masks of a class each, between which the larger share decides.
        return "nearest"
    return "probabilities" if any(v.get("softmax") or v.get("sigmoid") for v in before) else "logits"


def _words(steps: Sequence[TransformStep]) -> str:
    return ", then ".join(_step_in_words(step) for step in steps[:8])


def _step_in_words(step: TransformStep) -> str:
    known = (int, float, str, bool, list)
    some = [f"{key} {value}"[:40] for key, value in step.arguments.items()
            if key not in _ASIDE and isinstance(value, known)][:5]  # fmt: skip
    some += [f"{key} as an expression"[:60] for key in step.unread[:3]]
    name = step.kind or "a step without a name"
    return f"{name} ({', '.join(some)})" if some else name
