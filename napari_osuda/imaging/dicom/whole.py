"""Whether the slices of a DICOM series are all of one volume, by what their headers say beside positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_osuda.errors import CaseError
from napari_osuda.imaging.dicom.frames import Frame

__all__ = ["require_one_volume", "require_whole"]

# Of two echo times or b-values that are one.
_SAME = 0.02
# Of the distance between slices, what headers round.
_ROUNDED = 0.05
# Slices of one volume overlap by less than this part of their thickness where every n-th is taken.
_OVERLAP = 0.1


def require_one_volume(frames: Sequence[Frame], where: str) -> None:
    """Check that slices are of one echo, one time and one b-value, wherever they lie.

    Parameters
    ----------
    frames : sequence of Frame
    where : str
        Names the series in messages.

    Raises
    ------
    CaseError
        They are not.
    """
    told = {
        "echo times (EchoTime)": [frame.echo_ms for frame in frames],
        "points in time (TemporalPositionIdentifier)": [frame.time for frame in frames],
        "b-values (DiffusionBValue)": [frame.b_value for frame in frames],
    }
    for what, all_values in told.items():
        values = [value for value in all_values if value is not None]
        if values and not np.allclose(values, values[0], rtol=_SAME, atol=1e-6):
            raise CaseError(
                f"{where} is not one volume: its slices are of several {what}, such as {values[0]:.4g} and "
                f"{next(v for v in values if not np.isclose(v, values[0], rtol=_SAME)):.4g}. "
                "Export the one to be segmented as a series of its own."
            )


def require_whole(frames: Sequence[Frame], step_mm: float, where: str) -> None:
    """Check that no slice is missing from a series whose slices lie evenly.

    Every second slice missing leaves slices as even as they were, so that positions alone do not tell.

    Parameters
    ----------
    frames : sequence of Frame
        In order.
    step_mm : float
        From one slice to the next.
    where : str
        Names the series in messages.

    Raises
    ------
    CaseError
        SpacingBetweenSlices or InstanceNumber says that slices lie between those that are there.
    """
    if len(frames) < 2:
        return
    between, thickness = frames[0].between, frames[0].thickness
    if between is not None:
        times = round(step_mm / between)
        if times >= 2 and abs(step_mm - times * between) <= _ROUNDED * between:
            raise _missing(
                where,
                times,
                f"its slices lie {step_mm:.3g} mm apart, and SpacingBetweenSlices says {between:.3g} mm",
            )
        return
    stride = _stride([frame.number for frame in frames])
    # The numbers of two echoes that were scanned in turn go up by two as well; their slices lie close.
    if stride >= 2 and thickness is not None and step_mm >= stride * thickness * (1 - _OVERLAP):
        raise _missing(
            where,
            stride,
            f"its slices are {thickness:.3g} mm thick, lie {step_mm:.3g} mm apart, and InstanceNumber goes "
            f"up by {stride}",
        )


def _stride(numbers: Sequence[int | None]) -> int:
    """How much a number goes up or down from slice to slice where it does so evenly; else 0."""
    known = [number for number in numbers if number is not None]
    steps = np.diff(known)
    even = len(known) == len(numbers) and bool((steps == steps[0]).all())
    return abs(int(steps[0])) if even else 0


def _missing(where: str, times: int, why: str) -> CaseError:
    left = "every second slice is" if times == 2 else f"{times - 1} of {times} slices are"
    return CaseError(
        f"{where} is not a whole volume: {left} missing ({why}). Export the whole series. If it is whole, "
        "convert it with dcm2niix and give the NIfTI file."
    )
