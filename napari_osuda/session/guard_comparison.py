"""Two masks of one image, compared by what the image itself holds: the guard's evidence that needs both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_osuda.evaluation import dice
from napari_osuda.imaging import Case
from napari_osuda.imaging.normalisation import not_zero
from napari_osuda.models import ModelCard
from napari_osuda.session.guard_signals import WHOLE, Evidence, region_labels
from napari_osuda.session.job import Labels

__all__ = ["compared", "one_sided", "separation"]

# What lies this far around the masks is what they are to be told apart from.
_AROUND_MM = 10.0
# The two halves of a head agree no better than to some millimetres.
_BLUR_MM = 3.0
# Tissue is as one-sided as a mask's where it differs from the other side by this share of what the mask does.
_AS_ONE_SIDED = 0.5
# The middle of the head is looked for this far from the middle of its brighter half.
_OFF_MIDDLE_MM = 4.0

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]


def compared(
    evidence: tuple[Evidence, Evidence],
    case: Case,
    before: Labels,
    after: Labels,
    card: ModelCard,
    *,
    sides: bool,
) -> tuple[Evidence, Evidence]:
    """The evidence with what only a comparison tells: `separation` of each region, and `one_sided`.

    Parameters
    ----------
    evidence : tuple of Evidence
        Of the source and of the adapted model.
    case : Case
        As people see it.
    before, after : uint8 array [I, J, K]
        Masks of the source and of the adapted model.
    card : ModelCard
    sides : bool
        Whether the two sides of the head are to be compared: only a mask that is no tumour's asks for that.
    """
    found = dict(evidence[0]), dict(evidence[1])
    members: dict[str, tuple[int, ...] | None] = {WHOLE: None, **region_labels(card)}
    for name in evidence[0]:
        values = members[name]
        masks = [mask != 0 if values is None else np.isin(mask, values) for mask in (before, after)]
        for side, share in zip(found, separation(case, *masks), strict=True):
            side[name] = replace(side[name], separation=share)
    if sides:
        lesion = one_sided(case, after != 0)
        for side, mask in zip(found, (before, after), strict=True):
            # Dice of two empty masks is 1, and nothing is not one-sided.
            side[WHOLE] = replace(side[WHOLE], one_sided=dice(mask != 0, lesion) if lesion.any() else 0.0)
    return found[0], found[1]


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
        threshold maximises (IEEE Trans. Syst. Man Cybern. 9, 62-66, 1979), within 10 mm of either mask. A
        mask that leaves some of a lesion out, or takes in what is not like it, explains less.
    """
    either = before | after
    if not either.any():
        return 0.0, 0.0
    box = _box(either, case.grid.spacing, _AROUND_MM)
    away = ndimage.distance_transform_edt(~either[box], sampling=case.grid.spacing)
    data = case.data[(slice(None), *box)]
    around = (away <= _AROUND_MM) & not_zero(data)
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


def one_sided(case: Case, mask: Mask) -> Mask:
    """The tissue that differs from the other side of the head as what is marked does.

    Parameters
    ----------
    case : Case
    mask : bool array [I, J, K]
        What is marked; it only says in which channel, which way and how much its tissue differs.

    Returns
    -------
    bool array [I, J, K]
        Where the blurred image differs from its mirror image the same way as in the mask on average, and by
        at least half as much. Nowhere where nothing is marked, or the mask's tissue differs by nothing.
    """
    head = not_zero(case.data)
    axis = next(i for i, code in enumerate(case.grid.orientation) if code in "LR")
    sigmas = [_BLUR_MM / mm for mm in case.grid.spacing]
    weight = ndimage.gaussian_filter(head.astype(np.float32), sigmas)
    strongest, chosen = 0.0, None
    middle: int | None = None
    for channel in case.data:
        blurred = _blurred(channel, head, weight, sigmas)
        if middle is None:
            middle = _middle(blurred, head, axis, case.grid.spacing[axis])
        both = np.minimum(weight, _mirrored(weight, axis, middle)) > 0.75
        difference = (blurred - _mirrored(blurred, axis, middle)) * both
        mean = float(difference[mask].mean()) if mask.any() else 0.0
        if abs(mean) > abs(strongest):
            strongest, chosen = mean, difference
    if chosen is None:
        return np.zeros(mask.shape, bool)
    lesion: Mask = np.sign(strongest) * chosen > _AS_ONE_SIDED * abs(strongest)
    return lesion


def _blurred(channel: Floats, head: Mask, weight: Floats, sigmas: Sequence[float]) -> Floats:
    """In standard scores of the head, air left out."""
    values = channel[head]
    scores = np.zeros(channel.shape, np.float32)
    scores[head] = (values - values.mean()) / max(float(values.std()), 1e-6)
    return np.asarray(ndimage.gaussian_filter(scores, sigmas) / np.maximum(weight, 0.3), np.float32)


def _mirrored(volume: Floats, axis: int, middle: int) -> Floats:
    """Mirrored about ``middle`` half voxels from the first voxel's centre; 0 from beyond the edge."""
    places = middle - np.arange(volume.shape[axis])
    inside = (places >= 0) & (places < volume.shape[axis])
    turned = np.take(volume, np.clip(places, 0, volume.shape[axis] - 1), axis=axis)
    shape = [1] * volume.ndim
    shape[axis] = -1
    return np.asarray(turned * inside.reshape(shape), np.float32)


def _middle(blurred: Floats, head: Mask, axis: int, mm: float) -> int:
    """Where the head is most like its own mirror image, in half voxels."""
    # Where air is noise and not 0, all of the image is "head", but hardly any air is above the mean.
    bright = np.nonzero(head & (blurred > 0))[axis]
    centre = round(2 * float(bright.mean())) if bright.size else head.shape[axis] - 1
    # Every other voxel along the other axes tells as much.
    thinned = blurred[tuple(slice(None) if i == axis else slice(None, None, 2) for i in range(3))]
    reach = int(2 * _OFF_MIDDLE_MM / mm)
    places = range(centre - reach, centre + reach + 1)
    return max(places, key=lambda place: float((thinned * _mirrored(thinned, axis, place)).sum()))
