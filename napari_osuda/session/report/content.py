"""All that a report says, of a run or of a review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.evaluation import Calibration, RegionScore
from napari_osuda.imaging import modality_of

__all__ = ["Curves", "ReportCase", "ReportInput", "shown_first"]

# The contrast that shows a glioma best, where there are several to choose from.
_SHOWN_FIRST = ("flair", "t2", "t1ce", "t1")


def shown_first(names: Sequence[str]) -> int:
    """Index of the image that is shown first, by names of channels, files or DICOM series."""
    contrasts = [modality_of(name) for name in names]
    return next((contrasts.index(wanted) for wanted in _SHOWN_FIRST if wanted in contrasts), 0)


@dataclass(frozen=True)
class ReportCase:
    """One case of a run.

    Attributes
    ----------
    name : str
    image : ndarray, shape [I, J, K]
        The channel that pictures show, called ``image_name``.
    before, after, final : ndarray of int, shape [I, J, K]
        Masks of the source model, of the adapted model, and as a person decided; None where there is none.
    affine : ndarray, shape (4, 4)
        Voxel index to RAS millimeters.
    scores_before, scores_after, scores_final : sequence of RegionScore or None
        Where a reference was given.
    calibration_before, calibration_after : Calibration or None
        Likewise.
    decision : {"accept", "keep-source", "neither"} or None
        What the guard recommends for this case, for ``reasons``.
    review : mapping
        What a person decided: plain values, and lists of dicts as tables; empty where nobody did.
    removed : int
        How many pieces of ``before`` the second look has removed; where any, ``after`` is the rest of it.
    """

    name: str
    image: NDArray[Any]
    before: NDArray[Any]
    after: NDArray[Any] | None
    affine: NDArray[np.float64]
    final: NDArray[Any] | None = None
    image_name: str = "image"
    scores_before: Sequence[RegionScore] | None = None
    scores_after: Sequence[RegionScore] | None = None
    scores_final: Sequence[RegionScore] | None = None
    calibration_before: Calibration | None = None
    calibration_after: Calibration | None = None
    decision: str | None = None
    reasons: Sequence[str] = ()
    review: Mapping[str, Any] = field(default_factory=dict)
    removed: int = 0

    @property
    def masks(self) -> dict[str, NDArray[Any]]:
        """The masks that there are, by name."""
        masks = {"before": self.before, "after": self.after, "final": self.final}
        return {name: mask for name, mask in masks.items() if mask is not None}


@dataclass(frozen=True)
class Curves:
    """What a run has measured at each of T iterations, of N channels in L layers.

    Attributes
    ----------
    steps : sequence of dict
        Rows of steps.csv; numbers may be texts.
    distance, alpha : ndarray, shape [T, N]
        Eq. 5 and the transferability.
    layer_names : sequence of str, length L
    layer_offsets : sequence of int, length L + 1
    """

    steps: Sequence[Mapping[str, Any]] = ()
    distance: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    alpha: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    layer_names: Sequence[str] = ()
    layer_offsets: Sequence[int] = (0,)


@dataclass(frozen=True)
class ReportInput:
    """All that a report says.

    Attributes
    ----------
    title : str
    outcome : {"done", "stopped", "failed"}
    recommendation : {"accept", "keep-source", "neither"} or None
        Of the guard, for the run as a whole, for ``reasons``.
    cases : sequence of ReportCase
    labels, colors : dict of int to str
        Name and ``#rrggbb`` of each label value.
    regions : dict of str to sequence of int
    plane : {"axial", "coronal", "sagittal", "volume"}
        In which slices are shown.
    curves : Curves
    settings, provenance : dict
        Shown as they are, nested dicts and lists of dicts as tables: inputs with their hashes, versions.
    notes : sequence of str
        What else a reader should know, such as why a run failed.
    removed : int
        How many pieces of original masks the second look has removed in all.
    """

    title: str
    outcome: str
    recommendation: str | None
    reasons: Sequence[str]
    cases: Sequence[ReportCase]
    labels: Mapping[int, str]
    colors: Mapping[int, str]
    regions: Mapping[str, Sequence[int]]
    curves: Curves
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    plane: str = "axial"
    notes: Sequence[str] = field(default=())
    removed: int = 0
