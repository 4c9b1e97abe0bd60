"""A patient's MRI as the network's channels on one voxel grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.choices import Preparation
from napari_osuda.imaging.grid import Grid
from napari_osuda.imaging.intensity.head import Head, find_head
from napari_osuda.imaging.modalities import name_with_contrast

__all__ = ["Case", "Source", "case_from_arrays", "check_case"]


# From slice to slice over a slice's thickness: more than the gap of usual protocols.
_WIDE_GAP = 1.5


@dataclass(frozen=True, eq=False)
class Source:
    """Where one channel came from, for the record.

    Attributes
    ----------
    channel : str
        The model's name for it.
    path : Path or None
        The file; None for an array that came from a viewer.
    sha256 : str or None
        Of the file's bytes.
    shape : tuple of int
        Of the image in the file.
    affine : float64 array [4, 4]
        Voxel index to RAS millimeters.
    title : str
        What a person sees it called: the viewer's layer, the DICOM series; "" where that is the file's name.
    grid : Grid or None
        Of the image in the file, where that is not the case's.
    covered : float
        Share of the case's head that the image shows: less than 1 where it was resampled from a smaller one.
    frame_of_reference, patient : str
        What DICOM calls the scanner's space and the patient; "" for other images. Not for any record.
    thickness : float or None
        How thick a slice is, mm, as DICOM says it; slices are the last axis of the image in the file.
    """

    channel: str
    path: Path | None
    sha256: str | None
    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    title: str = ""
    grid: Grid | None = None
    covered: float = 1.0
    frame_of_reference: str = ""
    patient: str = ""
    thickness: float | None = None

    @property
    def resampled(self) -> bool:
        """Whether its voxels are not those of the file."""
        return self.grid is not None

    @property
    def between_mm(self) -> float:
        """From slice to slice of the image in the file, mm."""
        return float(np.linalg.norm(self.affine[:3, 2]))

    @property
    def has_gaps(self) -> bool:
        """Whether slices leave more between them than a usual gap, so that some may be missing."""
        return self.thickness is not None and self.between_mm > _WIDE_GAP * self.thickness

    @property
    def name(self) -> str:
        """What says its contrast: the title, else the file's name; "" where it has neither.

        The title comes first, since a person has chosen it; one that says no contrast gives way to a file's
        name that does.
        """
        return name_with_contrast(self.title, "" if self.path is None else self.path.name)


@dataclass(frozen=True, eq=False)
class Case:
    """One patient: the channels that a model reads, on the grid of the first image.

    Attributes
    ----------
    name : str
        The folder's name, or the first file's name without its suffix.
    channels : tuple of str
        The model's channel names, in its order.
    data : float32 array [C, I, J, K]
        Raw intensities in the array order of the first image. The memory may be ordered otherwise.
    grid : Grid
        Of the first image, or of the one that was chosen as the reference.
    sources : tuple of Source
        One for each channel.
    preparation : Preparation
        What was done to the images.
    brain_share : float or None
        Share of the head that a brain mask has kept; None without a mask.
    placed : bool
        Whether all images say where they lie in the scanner.
    """

    name: str
    channels: tuple[str, ...]
    data: NDArray[np.float32]
    grid: Grid
    sources: tuple[Source, ...]
    preparation: Preparation = field(default_factory=Preparation)
    brain_share: float | None = None
    placed: bool = True

    @cached_property
    def head(self) -> Head:
        """Which voxels are head, recognized once for all who ask."""
        return find_head(self.data)


def case_from_arrays(name: str, arrays: Mapping[str, ArrayLike], grid: Grid) -> Case:
    """Make a case of arrays in memory, such as those of a viewer's layers.

    Parameters
    ----------
    name : str
        What the case is called in reports and file names.
    arrays : mapping of channel name to array [I, J, K]
        In the model's channel order, all on ``grid``.
    grid : Grid
        Of every array.

    Raises
    ------
    CaseError
        There is no array, or one has not the shape of the grid.
    """
    if not arrays:
        raise CaseError(f"Case {name} has no channel.")
    data = stack_channels(
        ((channel, np.asarray(array)) for channel, array in arrays.items()), len(arrays), grid
    )
    sources = tuple(Source(channel, None, None, grid.shape, grid.affine) for channel in arrays)
    return Case(name, tuple(arrays), data, grid, sources, placed=grid.placed)


def stack_channels(
    arrays: Iterable[tuple[str, NDArray[np.generic]]], count: int, grid: Grid
) -> NDArray[np.float32]:
    """Stack ``count`` named arrays [I, J, K] to float32 [C, I, J, K] whose last axis is slowest in memory.

    That is the order of NIfTI files, so nothing is transposed on reading, and the slices of the usual axial
    acquisitions lie in one piece. ``arrays`` may read as it goes, so that one of them is held at a time.

    Raises
    ------
    CaseError
        An array has not the shape of the grid.
    """
    data = np.empty((count, *grid.shape[::-1]), np.float32).transpose(0, 3, 2, 1)
    for c, (channel, array) in enumerate(arrays):
        if array.shape != grid.shape:
            raise CaseError(
                f"Channel {channel} has the shape {array.shape} and the grid has {grid.shape}: "
                "all channels must lie on one grid."
            )
        # float64 beyond the range of float32 becomes infinite here, which `check_case` reports.
        with np.errstate(over="ignore"):
            data[c] = array
    return data


def check_case(case: Case) -> None:
    """Check that the intensities can be segmented.

    Raises
    ------
    CaseError
        A channel has voxels that are not finite, has no voxel other than 0, or is the same everywhere.
    """
    for channel, values, source in zip(case.channels, case.data, case.sources, strict=True):
        where = f"channel {channel} of case {case.name}" + (f" ({source.path})" if source.path else "")
        # The sum is finite exactly if all voxels are (in float64, float32 voxels cannot overflow it).
        with np.errstate(invalid="ignore"):
            finite = bool(np.isfinite(values.sum(dtype=np.float64)))
        if not finite:
            bad = int(values.size - np.isfinite(values).sum())
            raise CaseError(
                f"{bad} of the {values.size} voxels of {where} are not finite (NaN, infinite or beyond "
                "float32): set them to 0, or export the image again."
            )
        low, high = float(values.min()), float(values.max())
        if low == high == 0:
            raise CaseError(f"All voxels of {where} are 0, so there is no brain in it: check the file.")
        if low == high:
            raise CaseError(f"All voxels of {where} are {low:g}, so there is no image in it: check the file.")
