"""The slow change of brightness over an image, taken out by N4. Needs SimpleITK (extra itk).

N. J. Tustison et al., N4ITK: improved N3 bias correction, IEEE Trans. Med. Imaging 29 (2010).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError

__all__ = ["without_bias_field"]

# Voxels along an axis from which the field is fitted on every fourth: it is smooth.
_SHRUNK = 32
_ITERATIONS = (50, 50, 50, 50)


def without_bias_field(
    image: NDArray[np.float32], head: NDArray[np.bool_], name: str, spacing: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Divide an image by its bias field, with SimpleITK's N4 and its own settings.

    Parameters
    ----------
    image : float32 array [I, J, K]
        Intensities of a magnitude image: the field is fitted where they are above 0.
    head : bool array [I, J, K]
        Where the field is fitted.
    name : str
        Of the image, for messages.
    spacing : tuple of three float
        Voxel size, mm.

    Returns
    -------
    float32 array [I, J, K]

    Raises
    ------
    CaseError
        SimpleITK is not installed, or the image has no magnitudes.
    """
    try:
        itk: Any = import_module("SimpleITK")
    except ImportError as error:
        raise CaseError(
            "Bias correction needs SimpleITK, which is not installed: pip install 'napari-osuda[itk]'."
        ) from error
    inside = head & (image > 0)
    if not inside.any() or np.mean(image[head] < 0) > 0.01:
        raise CaseError(
            f"{name} has values below 0 in the head, so it is not a magnitude image. Switch bias "
            "correction off, which would spoil it."
        )
    pixels = itk.GetImageFromArray(np.ascontiguousarray(image.transpose(2, 1, 0)))
    mask = itk.GetImageFromArray(np.ascontiguousarray(inside.transpose(2, 1, 0)).astype(np.uint8))
    for one in (pixels, mask):
        one.SetSpacing([float(v) for v in spacing])
    shrink = [4 if n >= _SHRUNK else 1 for n in image.shape]
    n4 = itk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(list(_ITERATIONS))
    # One thread sums in one order: the same image gives the same bits.
    n4.SetNumberOfThreads(1)
    try:
        n4.Execute(itk.Shrink(pixels, shrink), itk.Shrink(mask, shrink))
        field = itk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(pixels))
    except RuntimeError as error:
        raise CaseError(
            f"The bias field of {name} cannot be found ({_reason(error)}): switch bias correction off."
        ) from error
    corrected: NDArray[np.float32] = image / np.exp(field.transpose(2, 1, 0).astype(np.float32))
    return corrected


def _reason(error: RuntimeError) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[-1].rstrip(".")
