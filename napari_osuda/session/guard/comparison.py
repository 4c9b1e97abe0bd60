"""Masks held against the image itself: what they are told from, and what the other side of the head holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_osuda.imaging import Case
from napari_osuda.models import ModelCard
from napari_osuda.models.classes import region_labels
from napari_osuda.session.guard.signals import WHOLE, Evidence
from napari_osuda.session.guard.verdict import IMPLAUSIBLE
from napari_osuda.session.job import Labels

__all__ = ["compared", "one_sided", "separation"]

# What lies this far around the masks is what they are to be told apart from.
_AROUND_MM = 10.0
# The two halves of a head are alike to some millimeters.
_BLUR_MM = 3.0
# The middle of the head is looked for this far from the middle of its brighter half.
_OFF_MIDDLE_MM = 6.0

T = TypeVar("T", np.bool_, np.float32)
Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]


def compared(
    evidence: tuple[Evidence, Evidence], case: Case, before: Labels, after: Labels, card: ModelCard
) -> tuple[Evidence, Evidence]:
    """The evidence with what the images tell of the masks, as far as the guard asks for it.

    Parameters
    ----------
    evidence : tuple of Evidence
        Of the source and of the adapted model.
    case : Case
        As people see it.
    before, after : uint8 array [I, J, K]
        Masks of the source and of the adapted model.
    card : ModelCard

    Returns
    -------
    tuple of Evidence
        With the `separation` of each smaller region. Where the source's mask is no tumor's, instead, with
        how `one_sided` the adapted one is: no other figure compares anything then.
    """
    first, second = dict(evidence[0]), dict(evidence[1])
    if first[WHOLE].share > IMPLAUSIBLE:
        second[WHOLE] = replace(second[WHOLE], one_sided=one_sided(case, after != 0))
        return first, second
    for name, values in region_labels(card).items():
        if name in first:
            was, now = separation(case, np.isin(before, values), np.isin(after, values))
            first[name] = replace(first[name], separation=was)
            second[name] = replace(second[name], separation=now)
    return first, second


def separation(case: Case, before: Mask, after: Mask) -> tuple[float, float]:
    """What share of the image's variance, in and around two masks, each of them explains.

    Parameters
    ----------
    case : Case
    before, after : bool array [I, J, K]

    Returns
    -------
    tuple of float
        From 0 to 1, mean over the channels: between-class over total variance, the criterion that Otsu's
        threshold maximizes (IEEE Trans. Syst. Man Cybern. 9, 62-66, 1979), within 10 mm of either mask. A
        mask that leaves some of a lesion out, or takes in what is not like it, explains less.
    """
    either = before | after
    if not either.any():
        return 0.0, 0.0
    box = _box(either, case.grid.spacing, _AROUND_MM)
    away = ndimage.distance_transform_edt(~either[box], sampling=case.grid.spacing)
    data = case.data[(slice(None), *box)]
    around = (away <= _AROUND_MM) & case.head.mask[box]
    values = data[:, around].astype(np.float64)
    first, second = (_explained(values, mask[box][around]) for mask in (before, after))
    return first, second


def _box(mask: Mask, spacing: Sequence[float], margin_mm: float) -> tuple[slice, ...]:
    box = []
    for axis, mm in enumerate(spacing):
        held = np.flatnonzero(mask.any(axis=tuple(i for i in range(3) if i != axis)))
        margin = int(np.ceil(margin_mm / mm))
        box.append(slice(max(int(held[0]) - margin, 0), int(held[-1]) + 1 + margin))
    return tuple(box)


def _explained(values: NDArray[np.float64], inside: Mask) -> float:
    share = float(inside.mean()) if inside.size else 0.0
    if share in (0.0, 1.0):
        return 0.0
    between = share * (1 - share) * (values[:, inside].mean(axis=1) - values[:, ~inside].mean(axis=1)) ** 2
    total = values.var(axis=1)
    return float(np.mean(np.divide(between, total, out=np.zeros_like(total), where=total > 0)))


def one_sided(case: Case, mask: Mask) -> float:
    """How much what is marked differs from the same place on the other side of the head.

    Parameters
    ----------
    case : Case
    mask : bool array [I, J, K]

    Returns
    -------
    float
        Mean difference of image and mirror image over the mask, without its sign, over the spread of the
        head; of the channel where it is largest. 0 where nothing is marked. What both sides have alike, such
        as ventricles, has little of it.
    """
    head = case.head.mask
    axis = next(i for i, code in enumerate(case.grid.orientation) if code in "LR")
    middle, most = None, 0.0
    for channel in case.data:
        scores = _scores(channel, head)
        if middle is None:
            middle = _middle(scores, head, axis, case.grid.spacing)
        both = mask & _mirrored(head, axis, middle)
        if both.any():
            most = max(most, abs(float((scores - _mirrored(scores, axis, middle))[both].mean())))
    return most


def _scores(channel: Floats, head: Mask) -> Floats:
    """In standard scores of the head; air is 0."""
    values = channel[head]
    scores = np.zeros(channel.shape, np.float32)
    scores[head] = (values - values.mean()) / max(float(values.std()), 1e-6)
    return scores


def _mirrored(volume: NDArray[T], axis: int, middle: int) -> NDArray[T]:
    """Mirrored about ``middle`` half voxels from the first voxel's center; 0 from beyond the edge."""
    places = middle - np.arange(volume.shape[axis])
    inside = (places >= 0) & (places < volume.shape[axis])
    turned = np.take(volume, np.clip(places, 0, volume.shape[axis] - 1), axis=axis)
    shape = [1] * volume.ndim
    shape[axis] = -1
    return np.asarray(turned * inside.reshape(shape), volume.dtype)


def _middle(scores: Floats, head: Mask, axis: int, spacing: Sequence[float]) -> int:
    """Where the head is most like its own mirror image, in half voxels."""
    # Where air is noise and not 0, all of the image is "head", but hardly any air is above the mean.
    bright = np.nonzero(head & (scores > 0))[axis]
    center = round(2 * float(bright.mean())) if bright.size else head.shape[axis] - 1
    # A lesion, however bright, must not weigh more than the head's outline. Air is 0, as beyond the edge.
    even = np.where(head, np.clip(scores, -1.0, 1.0) + 2.0, np.float32(0.0))
    blurred = ndimage.gaussian_filter(even, [_BLUR_MM / mm for mm in spacing])
    # Every other voxel along the other axes tells as much.
    thinned = blurred[tuple(slice(None) if i == axis else slice(None, None, 2) for i in range(3))]
    reach = int(2 * _OFF_MIDDLE_MM / spacing[axis])
    places = range(center - reach, center + reach + 1)
    return max(places, key=lambda place: float((thinned * _mirrored(thinned, axis, place)).sum()))
