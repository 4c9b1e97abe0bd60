"""Sizes and numbers that a card may give: those that fit its network, within what a computer can do."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

__all__ = ["check_label_count", "check_sizes"]

# Pixels or voxels of what goes through a network at once: 256 x 256 x 256, or 4096 x 4096.
_MOST_VOXELS = 2**24
# Of a window in which a larger image is gone through: with less, there would be millions of windows.
_FEWEST_VOXELS = 64


def check_sizes(
    dims: int, sizes: Mapping[str, Sequence[int] | None], field_of_view: Sequence[float] | None
) -> None:
    """Refuse sizes of a wrong length, too large for a network or too small for its windows.

    Parameters
    ----------
    dims : {2, 3}
        Spatial axes of the network.
    sizes : mapping
        ``size``, ``step``, ``minimum`` and ``window`` in pixels, each of one number an axis, or None.
    field_of_view : sequence of float or None
        In mm.

    Raises
    ------
    ValueError
        The text names the key.
    """
    for key, value in {**sizes, "field_of_view_mm": field_of_view}.items():
        if value is not None and len(value) != dims:
            raise ValueError(f"{key} has {len(value)} numbers; it must have {dims}")
    for key, size in sizes.items():
        if size is not None and math.prod(size) > _MOST_VOXELS:
            raise ValueError(
                f"{key} is {_words(size)}; a network gets images of at most {_MOST_VOXELS:,} pixels at once"
            )
    key = "window" if dims == 2 else "size"
    window = sizes.get(key)
    if window is not None and math.prod(window) < _FEWEST_VOXELS:
        raise ValueError(f"{key} is {_words(window)}; windows that small are not used")


def _words(size: Sequence[int]) -> str:
    return " x ".join(str(n) for n in size)


def check_label_count(activation: str, outputs: int, labels: Collection[int]) -> None:
    """Refuse another number of labels than the output channels of a network need.

    Parameters
    ----------
    activation : {"softmax", "sigmoid", "none"}
    outputs : int
        Output channels that do not overlap.
    labels : collection of int
        Values in the mask.

    Raises
    ------
    ValueError
        The text names the key.
    """
    if outputs == 1 and activation == "softmax":
        raise ValueError(
            "activation is 'softmax', which is 1 everywhere for the network's single output channel; "
            "it must be one of sigmoid, none"
        )
    allowed = {outputs} if activation == "softmax" else {outputs, outputs + (0 in labels)}
    if outputs == 1:
        allowed = {1 + (0 in labels)}
    if len(labels) not in allowed:
        raise ValueError(
            f"labels has {len(labels)} entries, but the network's {outputs} {activation} output channels "
            f"need {' or '.join(str(n) for n in sorted(allowed))}"
        )
