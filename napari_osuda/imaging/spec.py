"""How a network sees an MRI: plane, orientation, size, spacing and normalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from napari_osuda.errors import ConfigError
from napari_osuda.imaging.grid import require_axes
from napari_osuda.imaging.intensity.maps import INTENSITY_MAPS, IntensityMap, Knots
from napari_osuda.imaging.intensity.normalization import NORMALIZATIONS, IntensityNormalization
from napari_osuda.imaging.planes import Plane

__all__ = ["Interpolation", "SliceSpec"]

Interpolation = Literal["linear", "points", "cubic"]
_PATCH = 96


@dataclass(frozen=True)
class SliceSpec:
    """How a network sees an MRI: ``config.osuda`` of its model card.

    Attributes
    ----------
    plane : {'axial', 'coronal', 'sagittal', 'volume'}
        The slices of a 2-D network; ``volume`` for a 3-D one.
    orientation : str
        Axis codes of the array that the network was trained on, such as ``"RAS"``.
    size : tuple of int, optional
        Pixels of the network's image, rows and columns (three axes for ``volume``). Without it, or without
        a field of view for ``volume`` (where it is then the size of a patch), voxels stay as they are and
        the image is padded to ``step``.
    field_of_view_mm : tuple of float, optional
        What the image is cropped or padded to, centered, mm; its own extent without it.
    step, minimum : tuple of int, optional
        A size that is not fixed becomes ``minimum`` plus a multiple of ``step``; ``minimum`` is ``step``
        unless given.
    normalization : str, or tuple of str
        See `normalize`; of all channels, or of each.
    intensity_maps : tuple of str or Knots, optional
        For each channel the map that follows its normalization, of `INTENSITY_MAPS`; none without it.
    spacing_mm : tuple of three float, optional
        Voxel size along ``orientation`` to which the image is resampled where no size and field of view
        give it, mm; its own without it. Nothing is interpolated between the slices of a 2-D network.
    crop_to_head : bool
        The image is the box around the voxels that are not 0 in any channel; what is outside is
        background. Figures of a normalization are then those of the box.
    window : tuple of two int, optional
        Size of the overlapping windows in which a larger slice goes through a 2-D network; without it a
        slice goes in one piece.
    interpolation : {'linear', 'points', 'cubic'}
        In preprocessing: linear, anti-aliased where it shrinks; linear at points from the first voxel on
        without smoothing, and normalized after that, as MONAI does (needs no ``size`` with a field of view);
        or by cubic splines, with the nearest voxel along an axis whose voxels are more than three times as
        long as the others.

    Raises
    ------
    ConfigError
        A word is unknown or a tuple has the wrong length.
    """

    plane: Plane = "axial"
    orientation: str = "RAS"
    size: tuple[int, ...] | None = None
    field_of_view_mm: tuple[float, ...] | None = None
    step: tuple[int, ...] | None = None
    minimum: tuple[int, ...] | None = None
    normalization: IntensityNormalization | tuple[IntensityNormalization, ...] = "zscore_nonzero"
    intensity_maps: tuple[IntensityMap, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    crop_to_head: bool = False
    window: tuple[int, ...] | None = None
    interpolation: Interpolation = "linear"

    def __post_init__(self) -> None:
        if self.plane not in get_args(Plane):
            raise ConfigError(f"plane is {self.plane!r}; it must be one of {', '.join(get_args(Plane))}.")
        for how in self.normalization if isinstance(self.normalization, tuple) else (self.normalization,):
            if how not in NORMALIZATIONS:
                raise ConfigError(f"normalization is {how!r}; it must be one of {', '.join(NORMALIZATIONS)}.")
        for name in self.intensity_maps or ():
            if not isinstance(name, Knots) and name not in INTENSITY_MAPS:
                raise ConfigError(
                    f"intensity_maps has {name!r}; it must be one of {', '.join(INTENSITY_MAPS)}."
                )
        if self.interpolation not in get_args(Interpolation):
            raise ConfigError(
                f"interpolation is {self.interpolation!r}; it must be one of "
                f"{', '.join(get_args(Interpolation))}."
            )
        if self.interpolation == "points" and self.field_of_view_mm is not None:
            raise ConfigError(
                "interpolation is 'points', which goes with spacing_mm and no field_of_view_mm."
            )
        require_axes(self.orientation)
        for key in ("size", "field_of_view_mm", "step", "minimum", "window"):
            value = getattr(self, key)
            if value is not None and len(value) != self.axes:
                raise ConfigError(f"{key} is {list(value)}; plane {self.plane} has {self.axes} axes.")
        if self.spacing_mm is not None and len(self.spacing_mm) != 3:
            raise ConfigError(f"spacing_mm is {list(self.spacing_mm)}; it must be three numbers.")

    @property
    def axes(self) -> int:
        """Spatial axes of the network's input: 2 or 3."""
        return 3 if self.plane == "volume" else 2

    @property
    def patch(self) -> tuple[int, ...] | None:
        """Size of the patches that a volume goes through a 3-D network in; None: in one piece, or slices."""
        if self.plane != "volume" or self.field_of_view_mm is not None:
            return None
        # Where the card does not say it: what a 3-D U-Net of the usual width trains on in a few GB.
        step = self.step or (1,) * 3
        least = self.minimum or step
        return self.size or tuple(
            low + by * max(0, round((_PATCH - low) / by)) for low, by in zip(least, step, strict=True)
        )
