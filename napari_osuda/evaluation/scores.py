"""A prediction against a reference, region by region."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.evaluation.geometry import Steps
from napari_osuda.evaluation.overlap import dice, precision, sensitivity, volume_ml
from napari_osuda.evaluation.regions import Regions, region_masks, require_scorable, resolve_regions
from napari_osuda.evaluation.surface import bounding_box, hausdorff, surface_distances

__all__ = ["RegionScore", "check_labels", "evaluate"]


@dataclass(frozen=True)
class RegionScore:
    """Scores of one region of one case.

    Parameters
    ----------
    region : str
    dice, sensitivity, precision : float
        In [0, 1]; both masks empty: 1, one empty: 0.
    hd, hd95 : float
        Hausdorff distance and its 95th percentile in mm; ``inf`` for a failure.
    prediction_ml, reference_ml : float
        Volumes in millilitres.
    failure : bool
        Exactly one of the masks is empty, so that no distance exists.
    """

    region: str
    dice: float
    hd: float
    hd95: float
    sensitivity: float
    precision: float
    prediction_ml: float
    reference_ml: float
    failure: bool


def evaluate(
    prediction: NDArray[Any],
    reference: NDArray[Any],
    spacing: Steps,
    regions: str | Regions,
    known: Collection[int] = (),
) -> list[RegionScore]:
    """Score a label volume against a reference on the same grid.

    Parameters
    ----------
    prediction, reference : ndarray of int, same shape
        Label volumes on the same grid, in the same array order; whether they are is the caller's to check.
    spacing : sequence of float, or matrix [3, 3] or [4, 4]
        Voxel size in mm, or the affine where axes may not be at right angles.
    regions : str or mapping of str to sequence of int
        "brats2021", "brats2023", "each", or a model card's regions.
    known : collection of int
        Label values that may lie in no region, such as all of a model's.

    Returns
    -------
    list of RegionScore
        One a region, in the order of ``regions``.

    Raises
    ------
    CaseError
        The shapes differ, the labels are not integers, or they do not go with the regions
        (`require_scorable`).
    ConfigError
        The regions are not known or empty.
    """
    if prediction.shape != reference.shape:
        shapes = [" x ".join(map(str, labels.shape)) for labels in (prediction, reference)]
        raise CaseError(
            f"The prediction has {shapes[0]} voxels and the reference {shapes[1]}; scores need one grid. "
            "Resample one onto the other's first (nearest neighbor for labels)."
        )
    check_labels(prediction, "prediction")
    check_labels(reference, "reference")
    resolved = resolve_regions(regions, prediction, reference)
    require_scorable(resolved, prediction, reference, known=known)
    # What is background on both sides enters no score, unless a region is made of it.
    if not any(0 in values for values in resolved.values()):
        crop = bounding_box((prediction != 0) | (reference != 0))
        prediction, reference = prediction[crop], reference[crop]
    predicted, actual = region_masks(prediction, resolved), region_masks(reference, resolved)
    return [_score(region, predicted[region], actual[region], spacing) for region in resolved]


def _score(region: str, predicted: NDArray[np.bool_], actual: NDArray[np.bool_], spacing: Any) -> RegionScore:
    failure = bool(predicted.any() != actual.any())
    if failure or not actual.any():
        hd = hd95 = hausdorff(predicted, actual, spacing)
    else:
        # Both percentiles from one pass: the distances are what takes the time.
        both = surface_distances(predicted, actual, spacing)
        hd, hd95 = (max(float(np.percentile(d, q)) for d in both) for q in (100, 95))
    return RegionScore(
        region=region,
        dice=dice(predicted, actual),
        hd=hd,
        hd95=hd95,
        sensitivity=sensitivity(predicted, actual),
        precision=precision(predicted, actual),
        prediction_ml=volume_ml(predicted, spacing),
        reference_ml=volume_ml(actual, spacing),
        failure=failure,
    )


def check_labels(labels: NDArray[Any], name: str) -> None:
    """Raise CaseError unless ``labels`` hold integers (or booleans)."""
    if not (np.issubdtype(labels.dtype, np.integer) or labels.dtype == np.bool_):
        raise CaseError(
            f"The {name} holds {labels.dtype} values, and label volumes hold whole numbers; "
            "is it an image or a probability map? If not, convert it to integers."
        )
