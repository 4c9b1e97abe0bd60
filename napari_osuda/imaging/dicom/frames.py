"""Where the slices of a DICOM series lie: their order, their step, and the affine to RAS millimeters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.dicom.elements import FrameElements, HeaderElements, elements_of

__all__ = ["Frame", "frames_of", "in_order"]

Floats = NDArray[np.float64]

# LPS, in which DICOM counts, to RAS.
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# Positions are rounded in the header: steps that differ by less than this part are the same.
_UNEVEN = 0.02
# How far a slice may lie from where the affine puts it: parts of a pixel across, of a step along.
_ACROSS, _ALONG, _ROUNDING_MM = 0.2, 0.1, 0.02


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice: where its pixels are (``index`` within a multi-frame file) and where it lies in LPS.

    ``thickness`` is SliceThickness and ``between`` SpacingBetweenSlices, mm; ``number`` is InstanceNumber;
    ``echo_ms``, ``time`` and ``b_value`` are those of one volume. None where the file does not say.
    """

    path: Path
    index: int
    size: tuple[int, int]
    position: Floats
    orientation: Floats
    spacing: tuple[float, float]
    thickness: float | None
    slope: float
    intercept: float
    between: float | None = None
    number: int | None = None
    echo_ms: float | None = None
    time: float | None = None
    b_value: float | None = None


def in_order(frames: Sequence[Frame], where: str) -> tuple[list[Frame], Floats]:
    """Sort slices along the normal.

    Parameters
    ----------
    frames : sequence of Frame
    where : str
        Names the series in messages.

    Returns
    -------
    frames : list of Frame
    affine : float64 array [4, 4]
        From (column, row, slice) to RAS millimeters; each slice lies where it puts it.

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
                f"{where} is not one volume: {frame.path.name} has "
                f"another {'size or spacing' if alike else 'direction'} than {first.path.name}, as in a "
                "localizer. Choose another series, or export this one again."
            )
    along_row, down_column = first.orientation[:3], first.orientation[3:]
    normal = np.cross(along_row, down_column)
    normal /= np.linalg.norm(normal)
    ordered = sorted(frames, key=lambda frame: float(frame.position @ normal))
    positions = np.array([frame.position for frame in ordered])
    step = _step(ordered, positions, normal, where)
    _require_on_line(ordered, positions, step, normal, where)
    affine = np.eye(4)
    affine[:3, 0] = along_row * first.spacing[1]
    affine[:3, 1] = down_column * first.spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = positions[0]
    return ordered, _TO_RAS @ affine


def _step(frames: Sequence[Frame], positions: Floats, normal: Floats, where: str) -> Floats:
    """From one slice to the next, mm in LPS; CaseError where that is not the same throughout."""
    if len(frames) == 1:
        thickness = frames[0].between or frames[0].thickness
        if thickness is None:
            raise CaseError(
                f"{where} is one slice that does not say how thick it is, so nothing in it has a volume: "
                "export the whole series."
            )
        return np.asarray(normal * thickness)
    steps = np.diff(positions, axis=0)
    apart: Floats = steps @ normal
    usual = float(np.quantile(apart, 0.5, method="lower"))
    if usual < 1e-3 or apart.min() < 0.1 * usual:
        index = int(apart.argmin())
        raise CaseError(
            f"{where} has two images at one position ({frames[index].path.name} and "
            f"{frames[index + 1].path.name}): several echoes, b-values or times in one series. Export the "
            "one to be segmented as a series of its own."
        )
    worst = int(np.abs(apart - usual).argmax())
    if abs(apart[worst] - usual) > _UNEVEN * usual + 0.01:
        missing = round(float(apart[worst] / usual)) - 1
        what = f"{missing} missing" if missing >= 1 else "uneven spacing"
        names = f"{frames[worst].path.name} and {frames[worst + 1].path.name}"
        raise CaseError(
            f"{where} is not a whole volume: the slices {names} lie {apart[worst]:.3g} mm apart and the "
            f"others {usual:.3g} mm ({what}): export the whole series."
        )
    return np.asarray((positions[-1] - positions[0]) / (len(frames) - 1))


def _require_on_line(
    frames: Sequence[Frame], positions: Floats, step: Floats, normal: Floats, where: str
) -> None:
    """CaseError where a slice does not lie where first slice and step put it."""
    off = positions - (positions[0] + np.arange(len(frames))[:, None] * step)
    along = np.abs(off @ normal)
    across = np.linalg.norm(off - (off @ normal)[:, None] * normal, axis=1)
    bad = (along > _ALONG * np.linalg.norm(step) + _ROUNDING_MM) | (
        across > _ACROSS * min(frames[0].spacing) + _ROUNDING_MM
    )
    if bad.any():
        worst = int(np.linalg.norm(off, axis=1).argmax())
        raise CaseError(
            f"{where} is not one volume: its slices do not lie in one line ({frames[worst].path.name} lies "
            f"{np.linalg.norm(off[worst]):.3g} mm beside it). These may be two stacks: export each as a "
            "series of its own."
        )


def frames_of(path: Path, header: Any, elements: HeaderElements) -> tuple[tuple[Frame, ...], str]:
    """The slices of one file, from its own header or from its functional groups.

    Parameters
    ----------
    path : Path
    header : pydicom Dataset
    elements : HeaderElements
        What it says of the whole picture.

    Returns
    -------
    frames : tuple of Frame
        None of them where one is in doubt.
    problem : str
        Why there are none; "" where there are.
    """
    groups = getattr(header, "PerFrameFunctionalGroupsSequence", None)
    try:
        if groups is None and elements.frames == 1:
            return (_frame(path, 0, elements, elements),), ""
        if groups is None:
            return (), f"it holds {elements.frames} frames and does not say where each of them lies"
        if len(groups) != elements.frames:
            return (), f"it counts {elements.frames} frames and describes {len(groups)}"
        shared = _macros(getattr(header, "SharedFunctionalGroupsSequence", None) or ())
        found = (elements_of(FrameElements, [*_macros([own]), *shared]) for own in groups)
        return tuple(_frame(path, index, elements, own) for index, own in enumerate(found)), ""
    except (AttributeError, TypeError, ValueError) as error:
        return (), f"it does not say where its slices lie in the scanner: {error}"


def _macros(groups: Iterable[Any]) -> list[Any]:
    """The items that hold position, direction, spacing and rescaling."""
    names = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
             "PixelValueTransformationSequence")  # fmt: skip
    return [item for group in groups for name in names for item in getattr(group, name, None) or ()]


def _frame(path: Path, index: int, header: HeaderElements, own: FrameElements) -> Frame:
    needed = {"ImagePositionPatient": own.position, "ImageOrientationPatient": own.orientation,
              "PixelSpacing": own.spacing}  # fmt: skip
    for name, value in needed.items():
        if value is None:
            raise ValueError(f"there is no {name}")
    assert own.spacing is not None
    return Frame(
        path=path,
        index=index,
        size=(header.rows, header.columns),
        position=np.array(own.position, np.float64),
        orientation=np.array(own.orientation, np.float64),
        spacing=own.spacing,
        thickness=own.thickness,
        slope=1.0 if own.slope is None else own.slope,
        intercept=0.0 if own.intercept is None else own.intercept,
        between=own.between,
        # Of a file of many frames it is the file's number.
        number=own.number if header.frames == 1 else None,
        echo_ms=own.echo_ms,
        time=own.time,
        b_value=own.b_value,
    )
