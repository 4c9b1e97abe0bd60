"""Where an intensity curve begins: what physics expects between the contrast a network knows and another.

A beginning is a piecewise linear function of the head's standard scores. It is all that the name of a
contrast can tell; the rest is found on the image (`fit_curve`, `search_curve`). The shapes between FLAIR and
T1 were found on real patients set aside for tuning, whose masks were known: one curve for all of them. None
is ever fitted to a mask of the case in hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.method.curve.curve import ChannelCurve, IntensityCurve

__all__ = [
    "BEGINNINGS",
    "Beginning",
    "begin_curve",
    "beginning_knots",
    "expected_beginnings",
    "head_moments",
]

Beginning = Literal[
    "identity",
    "negated",
    "fluid_dark_falling",
    "fluid_dark_falling_late",
    "fluid_dark_fat_bright",
    "brain_bright_lesion_dark",
]
BEGINNINGS: tuple[Beginning, ...] = get_args(Beginning)

# Knots of every curve, in standard deviations of the head from its mean: close where brain lies.
_SCORES = (-2.5, -1.7, -1.3, -1.0, -0.75, -0.5, -0.25, 0.0, 0.3, 0.7, 1.2, 2.0, 3.5)

_VALUES: Mapping[Beginning, tuple[float, ...]] = {
    "identity": _SCORES,
    "negated": tuple(-z for z in _SCORES),
    # T1 post seen as FLAIR: fluid, the darkest, stays dark; what lies between it and gray matter (edema, most
    # of a tumor) becomes brightest; then the brighter, the darker.
    "fluid_dark_falling": (-3.0, -2.4, -0.5, 1.1, 1.9, 1.5, 0.6, 0.1, -0.2, -0.7, -1.45, -2.3, -3.0),
    # T1 seen as FLAIR: without contrast agent a tumor lies nearer to gray matter.
    "fluid_dark_falling_late": (-3.9, -2.6, -1.3, 0.0, 0.9, 1.7, 1.9, 0.95, 0.0, -0.8, -1.7, -2.5, -3.2),
    # The first of them, but fat, the brightest of either contrast, stays bright.
    "fluid_dark_fat_bright": (-1.8, -1.4, -0.2, 1.0, 0.9, 0.8, 0.45, 0.1, 0.04, 0.2, 0.7, 1.5, 1.9),
    # FLAIR seen as T1: what is brighter than brain (a lesion) becomes dark, as in T1. Fluid does not, so
    # that it is not taken for one.
    "brain_bright_lesion_dark": (1.3, 0.95, 0.5, 0.15, 0.1, 0.4, 0.8, 0.8, 0.15, -0.55, -0.65, -1.0, -1.3),
}

# (contrast that the network knows, contrast of the image): beginnings, the likeliest first.
_EXPECTED: Mapping[tuple[str, str], tuple[Beginning, ...]] = {
    ("flair", "t1"): ("fluid_dark_falling_late", "fluid_dark_fat_bright", "negated"),
    ("flair", "t1ce"): ("fluid_dark_falling", "fluid_dark_fat_bright", "negated"),
    ("t1", "flair"): ("brain_bright_lesion_dark", "negated"),
    ("t1ce", "flair"): ("brain_bright_lesion_dark", "negated"),
    ("t2", "t1"): ("negated",),
    ("t2", "t1ce"): ("negated",),
    ("t1", "t2"): ("negated",),
    ("t1ce", "t2"): ("negated",),
}


def expected_beginnings(channel: str, image: str) -> tuple[Beginning, ...]:
    """What physics expects between the contrast of a network's channel and that of an image.

    Parameters
    ----------
    channel, image : str
        "t1", "t1ce", "t2" or "flair"; of others nothing is known.

    Returns
    -------
    tuple of str
        Of `BEGINNINGS`, the likeliest first; "identity" alone where the contrasts are one or none is known.
    """
    return _EXPECTED.get((channel, image), ("identity",))


def beginning_knots(name: Beginning) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The curve of a beginning: standard scores of the head, and what they become."""
    return _SCORES, _VALUES[name]


def head_moments(batches: Sequence[Tensor], heads: Sequence[Tensor], channel: int) -> tuple[float, float]:
    """Mean and biased standard deviation of one channel's head over all batches; 1 for no deviation.

    Raises
    ------
    CaseError
        No voxel is head.
    """
    head = torch.cat([x[:, channel][h] for x, h in zip(batches, heads, strict=True)]).double()
    if not len(head):
        raise CaseError("There is nothing to fit a curve to: no voxel of the image is head.")
    return float(head.mean()), float(head.std(correction=0)) or 1.0


def begin_curve(
    batches: Sequence[Tensor], heads: Sequence[Tensor], beginnings: Sequence[Beginning]
) -> IntensityCurve:
    """The curve of each channel as physics expects it, on the intensities of a case.

    Parameters
    ----------
    batches : sequence of Tensor
        The case, normalized as the network wants it: float [B, C, H, W] or [B, C, D, H, W].
    heads : sequence of Tensor
        Which voxels are head, bool [B, H, W] or [B, D, H, W], one for each batch.
    beginnings : sequence of C str
        Of `BEGINNINGS`.

    Raises
    ------
    ConfigError
        A beginning is unknown.
    CaseError
        No voxel is head.
    """
    curves = []
    for channel, name in enumerate(beginnings):
        if name not in _VALUES:
            raise ConfigError(f"A curve begins as {name!r}; it must be one of {', '.join(BEGINNINGS)}.")
        mean, deviation = head_moments(batches, heads, channel)
        curves.append(
            ChannelCurve(
                tuple(mean + deviation * z for z in _SCORES),
                tuple(mean + deviation * z for z in _VALUES[name]),
            )
        )
    return IntensityCurve(tuple(curves))
