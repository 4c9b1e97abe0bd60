"""What a person chooses to be done to the images of a case; it stands in the record of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["FINEST", "Preparation"]

FINEST = "finest"
"""As a reference grid: that of the image with the smallest voxels."""


@dataclass(frozen=True)
class Preparation:
    """What is done to the images of a case.

    Attributes
    ----------
    reference_grid : str
        The channel on whose grid the others are resampled, and in whose voxels the masks come back; ``""``:
        that of the first image; ``"finest"``: that of the smallest voxels.
    bias_field : bool
        Whether the slow change of brightness over each image is taken out, by N4.
    brain_mask : Path or None
        A label volume: what is 0 in it the network sees as 0.
    brain_mask_sha256 : str or None
        Of that file, once it was read.
    brain_layer : str
        Name of the viewer's layer that is the mask, where no file is; "" where there is none.
    extract_brain : bool
        Whether the brain mask is made by a library, where no file is given.
    """

    reference_grid: str = ""
    bias_field: bool = False
    brain_mask: Path | None = None
    brain_mask_sha256: str | None = None
    brain_layer: str = ""
    extract_brain: bool = False
