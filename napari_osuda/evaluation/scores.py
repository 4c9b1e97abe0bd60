"""A prediction against a reference, region by region."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.evaluation.overlap import dice, precision, sensitivity, volume_ml
from napari_osuda.evaluation.regions import Regions, region_masks, resolve_regions
from napari_osuda.evaluation.surface import bounding_box, hausdorff, surface_distances

__all__ = ["RegionScore", "check_labels", "check_same_grid", "evaluate"]


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
    spacing: Sequence[float] | NDArray[np.float64],
    regions: str | Regions,
) -> list[RegionScore]:
    """Score a label volume against a reference on the same grid.

    Parameters
    ----------
    prediction, reference : ndarray of int, same shape
        Label volumes in the same array order (`check_same_grid` tells whether they are).
    spacing : sequence of float, one per axis
        Voxel size in mm.
    regions : str or mapping of str to sequence of int
        "brats2021", "brats2023", "each", or a model card's regions.

    Returns
    -------
    list of RegionScore
        One a region, in the order of ``regions``.

    Raises
    ------
    CaseError
        The shapes differ, the labels are not integers, or they do not go with the named regions.
    ConfigError
        The regions are not known or empty.
    """
    if prediction.shape != reference.shape:
        raise CaseError(
            _different_shapes(prediction.shape, reference.shape, ("the prediction", "the reference"))
        )
    check_labels(prediction, "prediction")
    check_labels(reference, "reference")
    resolved = resolve_regions(regions, prediction, reference)
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


def check_same_grid(
    shape_a: Sequence[int],
    affine_a: NDArray[np.float64],
    shape_b: Sequence[int],
    affine_b: NDArray[np.float64],
    names: tuple[str, str] = ("The prediction", "the reference"),
) -> None:
    """Raise CaseError unless two volumes have the same voxels at the same places.

    Parameters
    ----------
    shape_a, shape_b : sequence of int, length 3
    affine_a, affine_b : ndarray of float, shape (4, 4)
        Voxel indices to millimetres.
    names : tuple of str
        How the sentence calls the two, for example by their file names.

    Notes
    -----
    Corners may lie a tenth of the smallest voxel edge apart: headers are float32, and a qform stores its
    rotation as three numbers, so the same grid differs by that much between tools.
    """
    if tuple(shape_a) != tuple(shape_b):
        raise CaseError(_different_shapes(shape_a, shape_b, names))
    affine_a, affine_b = np.asarray(affine_a, dtype=np.float64), np.asarray(affine_b, dtype=np.float64)
    corners = np.array([(*corner, 1.0) for corner in itertools.product(*((0, n - 1) for n in shape_a))])
    apart = np.linalg.norm(corners @ (affine_a - affine_b).T, axis=1).max()
    edge = np.linalg.norm(affine_a[:3, :3], axis=0).min()
    # Written so that an affine with NaN in it is refused as well.
    if not apart <= 0.1 * edge:
        where = (
            f"up to {apart:.1f} mm apart" if math.isfinite(apart) else "nowhere (the affine is not finite)"
        )
        raise CaseError(
            f"{names[0]} and {names[1]} have the same shape, but their affines put the same voxel {where}. "
            "Resample one onto the other's grid first (nearest neighbour for labels)."
        )


def _different_shapes(a: Sequence[int], b: Sequence[int], names: tuple[str, str]) -> str:
    first, second = (" x ".join(map(str, shape)) for shape in (a, b))
    subject = f"{names[0]} and {names[1]}"
    return (
        f"{subject[0].upper()}{subject[1:]} are on different grids: {first} voxels against {second}. "
        "Resample one onto the other's grid first (nearest neighbour for labels)."
    )
