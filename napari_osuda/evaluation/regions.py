"""Regions: named unions of label values, the way the field scores brain tumors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.evaluation.overlap import Mask

__all__ = [
    "REGIONS",
    "Regions",
    "label_values",
    "labels_outside",
    "region_masks",
    "region_words",
    "require_scorable",
    "resolve_regions",
]

Regions = Mapping[str, Sequence[int]]

REGIONS: dict[str, dict[str, tuple[int, ...]]] = {
    # 1 necrotic and non-enhancing core, 2 edema, 4 enhancing tumor.
    "brats2021": {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)},
    # Enhancing tumor is 3 from 2023 on; 4 can be a resection cavity, which is no tumor.
    "brats2023": {"WT": (1, 2, 3), "TC": (1, 3), "ET": (3,)},
}
"""Whole tumor, tumor core and enhancing tumor in the label values of BraTS up to 2021 and from 2023."""


def resolve_regions(regions: str | Regions, *labels: NDArray[Any]) -> dict[str, tuple[int, ...]]:
    """Regions by name, by a model card's mapping, or one for each label value.

    Parameters
    ----------
    regions : str or mapping of str to sequence of int
        "brats2021", "brats2023", "each" (one region a label value that occurs in ``labels``, 0 left out), or
        the regions themselves.
    *labels : ndarray of int
        The label volumes to be scored.

    Raises
    ------
    ConfigError
        The name is not known, or a region holds no value.
    CaseError
        A label value is none that the named preset has: its enhancing tumor is then another value, and
        both masks of that region would be empty, for a Dice of 1.
    """
    if not isinstance(regions, str):
        for name, values in regions.items():
            if len(values) == 0:
                raise ConfigError(f"The region {name} holds no label value; give it at least one.")
        if not regions:
            raise ConfigError('No region to score: give a region its label values, or use "each".')
        return {name: tuple(int(value) for value in values) for name, values in regions.items()}
    if regions == "each":
        return {f"label {value}": (value,) for value in label_values(*labels) if value != 0}
    if regions not in REGIONS:
        known = ", ".join([*REGIONS, "each"])
        raise ConfigError(f'Regions "{regions}" are not known; use one of {known}, or a model with regions.')
    preset = REGIONS[regions]
    if regions == "brats2021" and 3 in labels_outside(preset, *labels):
        raise CaseError(
            "The labels hold the value 3, which BraTS up to 2021 does not have: enhancing tumor is 4 there. "
            "For BraTS from 2023 on, where it is 3, use the regions brats2023."
        )
    return dict(preset)


def labels_outside(regions: Regions, *labels: NDArray[Any]) -> tuple[int, ...]:
    """Label values other than 0 that occur in ``labels`` and in no region: they are scored nowhere."""
    inside = {value for values in regions.values() for value in values}
    return tuple(value for value in label_values(*labels) if value != 0 and value not in inside)


def require_scorable(regions: Regions, *labels: NDArray[Any], known: Collection[int] = ()) -> tuple[int, ...]:
    """Check that labels follow the convention of the regions.

    Parameters
    ----------
    regions : mapping of str to sequence of int
    *labels : ndarray of int
        The label volumes to be scored, or the reference alone.
    known : collection of int
        Values that may lie in no region.

    Returns
    -------
    tuple of int
        Values that are scored nowhere, to be told.

    Raises
    ------
    CaseError
        There are such values, and a region that no voxel has: it is then stored under one of them, and
        would be empty on both sides, for a Dice of 1.
    """
    present = set(label_values(*labels))
    outside = tuple(value for value in labels_outside(regions, *labels) if value not in known)
    empty = [name for name, values in regions.items() if not present.intersection(values)]
    if outside and empty:
        plural = len(outside) > 1
        raise CaseError(
            f"The label {'values' if plural else 'value'} {', '.join(map(str, outside))} "
            f"{'belong' if plural else 'belongs'} to no region, and no voxel has a value of the region "
            f"{empty[0]} ({', '.join(map(str, regions[empty[0]]))}): the labels follow another convention. "
            "Choose the regions that go with them, or give the labels these values."
        )
    return outside


def region_masks(labels: NDArray[Any], regions: Regions) -> dict[str, Mask]:
    """Mask of each region: the voxels whose label is one of the region's values."""
    return {name: np.isin(labels, list(values)) for name, values in regions.items()}


def label_values(*labels: NDArray[Any]) -> tuple[int, ...]:
    """Values that occur in any of ``labels``, ascending."""
    found: set[int] = set()
    for volume in labels:
        if volume.dtype == np.uint8:
            # np.unique sorts the volume; counting 256 bins does not. Most voxels are 0, and left out.
            marked = volume[volume != 0]
            found.update(np.flatnonzero(np.bincount(marked, minlength=256)).tolist())
            if marked.size < volume.size:
                found.add(0)
        else:
            found.update(int(value) for value in np.unique(volume))
    return tuple(sorted(found))


_WORDS = {"WT": "Whole tumor (WT)", "TC": "Tumor core (TC)", "ET": "Enhancing tumor (ET)"}


def region_words(region: str) -> str:
    """A region of a tumor, spelled out; another one as it is called."""
    return _WORDS.get(region, region)
