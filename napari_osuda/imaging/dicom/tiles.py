"""Pictures that hold many slices side by side, as EPI and diffusion series come: they are no slice."""

from __future__ import annotations

import re
from typing import Any

from napari_osuda.imaging.dicom.elements import HeaderElements

__all__ = ["tiled"]

# A slice that is wider than this and a multiple of what was acquired is a sheet of several.
_WIDEST_MM = 600.0
_PRIVATE = (0x0019100A, 0x00651050)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def tiled(header: Any, elements: HeaderElements) -> str:
    """Why a file's picture is a sheet of several slices; "" where it is one slice.

    Parameters
    ----------
    header : pydicom Dataset
        With the manufacturers' own elements that count the slices of a sheet.
    elements : HeaderElements
        What it says of the picture.
    """
    kinds = [kind.upper() for kind in elements.kinds if kind]
    if "MOSAIC" in kinds or "VFRAME" in kinds or any(_count(header.get(tag)) > 1 for tag in _PRIVATE):
        return _said("its header calls it a mosaic")
    matrix = [n for n in elements.matrix if n > 0]
    if len(matrix) == 2 and elements.spacing is not None:
        size = (elements.rows, elements.columns)
        wide = min(n * mm for n, mm in zip(size, elements.spacing, strict=True)) > _WIDEST_MM
        if wide and all(n >= 3 * max(matrix) and n % max(matrix) == 0 for n in size):
            return _said("it is several times as large as what was acquired")
    return ""


def _said(why: str) -> str:
    return (
        f"it is a mosaic, a sheet of many slices side by side ({why}): convert the series with dcm2niix, "
        "and give the NIfTI file"
    )


def _count(element: Any) -> int:
    value: Any = getattr(element, "value", None)
    if isinstance(value, bytes):
        return int.from_bytes(value[:4], "little")
    if isinstance(value, str):
        return int(value) if _NUMBER.fullmatch(value.strip()) else 0
    if isinstance(value, int):
        return value
    # A sequence has a length: the frames of a grid.
    return len(value) if hasattr(value, "__len__") else 0
