"""Where the slices of a DICOM series lie: their order, their step, and the affine to RAS millimeters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError

__all__ = ["Frame", "frames_of", "in_order"]

# LPS, in which DICOM counts, to RAS.
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# Positions are rounded in the header: steps that differ by less than this part are the same.
_UNEVEN = 0.02


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice: where its pixels are (``index`` within a multi-frame file) and where it lies in LPS."""

    path: Path
    index: int
    size: tuple[int, int]
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing: tuple[float, float]
    thickness: float | None
    slope: float
    intercept: float


def in_order(frames: Sequence[Frame], where: str) -> tuple[list[Frame], NDArray[np.float64]]:
    """Sort slices by their place along the normal.

    Parameters
    ----------
    frames : sequence of Frame
    where : str
        Names the series in messages.

    Returns
    -------
    frames : list of Frame
    affine : float64 array [4, 4]
        From (column, row, slice) to RAS millimeters.

    Raises
    ------
    CaseError
        They do not make one volume.
    """
    first = frames[0]
    for frame in frames:
        alike = np.allclose(frame.orientation, first.orientation, atol=1e-3)
        if not alike or frame.size != first.size or not np.allclose(frame.spacing, first.spacing, rtol=1e-3):
            raise CaseError(
                f"{where} is no one volume: {frame.path.name} has "
                f"another {'size or spacing' if alike else 'direction'} than {first.path.name}, as in a "
                "localizer. Choose another series, or export this one again."
            )
    along_row, down_column = first.orientation[:3], first.orientation[3:]
    normal = np.cross(along_row, down_column)
    ordered = sorted(frames, key=lambda frame: float(frame.position @ normal))
    places = np.array([frame.position for frame in ordered])
    step = _step(ordered, places, normal, where)
    affine = np.eye(4)
    affine[:3, 0] = along_row * first.spacing[1]
    affine[:3, 1] = down_column * first.spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = places[0]
    return ordered, _TO_RAS @ affine


def _step(
    frames: Sequence[Frame], places: NDArray[np.float64], normal: NDArray[np.float64], where: str
) -> NDArray[np.float64]:
    """From one slice to the next, mm in LPS; CaseError where that is not the same throughout."""
    if len(frames) == 1:
        return np.asarray(normal * (frames[0].thickness or 1.0))
    steps = np.diff(places, axis=0)
    apart: NDArray[np.float64] = steps @ normal
    usual = float(np.quantile(apart, 0.5, method="lower"))
    if usual < 1e-3 or apart.min() < 0.1 * usual:
        place = int(apart.argmin())
        raise CaseError(
            f"{where} has two images at one place ({frames[place].path.name} and "
            f"{frames[place + 1].path.name}): several echoes, b-values or times in one series. Export the "
            "one to be segmented as a series of its own."
        )
    worst = int(np.abs(apart - usual).argmax())
    if abs(apart[worst] - usual) > _UNEVEN * usual + 0.01:
        missing = round(float(apart[worst] / usual)) - 1
        what = f"{missing} missing" if missing >= 1 else "uneven spacing"
        names = f"{frames[worst].path.name} and {frames[worst + 1].path.name}"
        raise CaseError(
            f"{where} is no whole volume: the slices {names} lie {apart[worst]:.3g} mm apart and the others "
            f"{usual:.3g} mm ({what}): export the whole series."
        )
    return np.asarray((places[-1] - places[0]) / (len(frames) - 1))


def frames_of(path: Path, header: Any) -> Iterator[Frame]:
    """The slices of one file, from its own header or from its functional groups.

    Raises
    ------
    CaseError
        The header does not say where they lie.
    """
    try:
        if "PerFrameFunctionalGroupsSequence" not in header:
            yield _frame(path, 0, header, [header])
            return
        shared = getattr(header, "SharedFunctionalGroupsSequence", None)
        for index, own in enumerate(header.PerFrameFunctionalGroupsSequence):
            yield _frame(path, index, header, _macros([own, *(shared or [])]))
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise CaseError(f"{path} does not say where its slices lie in the scanner ({error}).") from error


def _macros(groups: Iterable[Any]) -> list[Any]:
    """The items that hold place, direction, spacing and rescaling; a frame's own before the shared ones."""
    names = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
             "PixelValueTransformationSequence")  # fmt: skip
    return [item for group in groups for name in names for item in getattr(group, name, None) or ()]


def _frame(path: Path, index: int, header: Any, items: Sequence[Any]) -> Frame:
    def value(name: str, default: Any = None) -> Any:
        found = next((getattr(item, name) for item in items if getattr(item, name, None) is not None), None)
        found = default if found is None else found
        if found is None:
            raise ValueError(f"there is no {name}")
        return found

    thickness = [getattr(item, name, None) for name in ("SpacingBetweenSlices", "SliceThickness")
                 for item in items]  # fmt: skip
    row_spacing, column_spacing = (float(v) for v in value("PixelSpacing"))
    return Frame(
        path=path,
        index=index,
        size=(int(header.Rows), int(header.Columns)),
        position=np.array([float(v) for v in value("ImagePositionPatient")]),
        orientation=np.array([float(v) for v in value("ImageOrientationPatient")]),
        spacing=(row_spacing, column_spacing),
        thickness=next((float(v) for v in thickness if v), None),
        slope=float(value("RescaleSlope", 1.0)),
        intercept=float(value("RescaleIntercept", 0.0)),
    )
