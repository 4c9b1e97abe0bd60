"""Planes, patient axes and their letters: along which axis of the patient the slices of each plane follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

__all__ = [
    "AXIS_CODES",
    "PLANE_OF_CODE",
    "PLANE_TO_AXIS",
    "Plane",
    "array_axis",
    "codes_across",
    "codes_within",
    "mirror_axis",
    "patient_axis",
]

Plane = Literal["axial", "coronal", "sagittal", "volume"]

AXIS_CODES = ("LR", "PA", "IS")
"""The letters of the patient's axes in the order of RAS millimeters; the second of each counts upwards."""

PLANE_TO_AXIS: dict[str, int] = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The patient's axis (0: left-right, 1: front-back, 2: up-down) along which slices of a plane follow."""

PLANE_OF_CODE: dict[str, str] = {
    code: plane for plane, axis in PLANE_TO_AXIS.items() for code in AXIS_CODES[axis]
}
"""The plane whose slices follow along the axis that a letter names: ``"S"`` is axial."""


def codes_across(plane: str) -> str:
    """Letters of the axis along which a plane's slices follow, such as ``"IS"``; "" for a whole volume."""
    return AXIS_CODES[PLANE_TO_AXIS[plane]] if plane in PLANE_TO_AXIS else ""


def codes_within(plane: str, codes: Sequence[str]) -> list[str]:
    """Those of an array's axis codes that a slice of a plane has; all of them for a whole volume."""
    across = codes_across(plane)
    return [code for code in codes if code not in across]


def mirror_axis(plane: str, codes: Sequence[str]) -> int | None:
    """Which axis of a slice runs from left to right or back; None where none does."""
    return next((axis for axis, code in enumerate(codes_within(plane, codes)) if code in AXIS_CODES[0]), None)


def patient_axis(code: str) -> int:
    """The patient's axis that a letter names: 0 for L and R, 1 for P and A, 2 for I and S."""
    return next(axis for axis, codes in enumerate(AXIS_CODES) if code in codes)


def array_axis(plane: str, codes: Sequence[str]) -> int | None:
    """The array axis along which a plane's slices follow, of an array whose axes run along ``codes``.

    None for a whole volume.
    """
    across = codes_across(plane)
    return next((axis for axis, code in enumerate(codes) if code in across), None)
