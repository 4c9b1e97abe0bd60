"""Training data: slices of patients with their classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.imaging import Case, SliceSpec, SliceStack, case_from_arrays


@dataclass(frozen=True, eq=False)
class TrainingSlices:
    """Slices as the network sees them, with their classes.

    Attributes
    ----------
    images : float16 array [N, C, h, w]
        Normalized; half precision is finer than the noise of any MRI.
    classes : uint8 array [N, h, w]
        Index of the output channel.
    """

    images: NDArray[np.float16]
    classes: NDArray[np.uint8]

    @classmethod
    def join(cls, parts: Iterable[TrainingSlices]) -> TrainingSlices:
        """Put the slices of several patients together."""
        parts = list(parts)
        return cls(
            np.concatenate([part.images for part in parts]), np.concatenate([part.classes for part in parts])
        )

    def __len__(self) -> int:
        return len(self.images)


def training_slices(
    case: Case, labels: ArrayLike, spec: SliceSpec, classes: Mapping[int, int], every: int = 1
) -> TrainingSlices:
    """Cut a patient with a reference into slices, by the same preprocessing as at adaptation.

    Parameters
    ----------
    case : Case
        Its channels in the network's order.
    labels : integer array [I, J, K]
        The reference on the case's grid.
    spec : SliceSpec
        How the network sees an MRI.
    classes : mapping of label value to output channel
        Every value that occurs; several values may be one class (the whole tumor).
    every : int
        Take every so many of the slices with a foreground.

    Raises
    ------
    ValueError
        A label value is not in ``classes``.
    """
    values = np.asarray(labels)
    unknown = set(np.unique(values).tolist()) - set(classes)
    if unknown:
        raise ValueError(
            f"Case {case.name} has the label {min(unknown)}, which has no class in {dict(classes)}."
        )
    stack = SliceStack(case, spec)
    chosen = np.flatnonzero(stack.foreground)[::every]
    # A label is resampled as the picture is: the class whose indicator is largest wins.
    of_class = {
        str(k): np.isin(values, [v for v, c in classes.items() if c == k]).astype(np.float32)
        for k in sorted(set(classes.values()))
    }
    indicators = SliceStack(
        case_from_arrays(case.name, of_class, case.grid),
        replace(spec, normalization="none", intensity_maps=None),
    )
    share = indicators.slices(chosen)
    # Beyond the image every indicator is 0, and the first of equals is background.
    return TrainingSlices(stack.slices(chosen).astype(np.float16), share.argmax(axis=1).astype(np.uint8))
