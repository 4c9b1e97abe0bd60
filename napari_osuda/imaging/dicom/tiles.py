"""Pictures that hold many slices side by side, as EPI and diffusion series come: they are no slice."""

from __future__ import annotations

from typing import Any

__all__ = ["tiled"]

# A slice that is wider than this and a multiple of what was acquired is a sheet of several.
_WIDEST_MM = 600.0
_PRIVATE = (0x0019100A, 0x00651050)


def tiled(header: Any) -> str:
    """Why a file's picture is a sheet of several slices; "" where it is one slice.

    Parameters
    ----------
    header : pydicom Dataset
        With ImageType, Rows, Columns, PixelSpacing, AcquisitionMatrix and the manufacturers' own elements
        that count the slices of a sheet.
    """
    kinds = [str(kind).upper() for kind in getattr(header, "ImageType", None) or ()]
    if "MOSAIC" in kinds or "VFRAME" in kinds or any(_count(header.get(tag)) > 1 for tag in _PRIVATE):
        return _said("its header calls it a mosaic")
    matrix = [int(v) for v in getattr(header, "AcquisitionMatrix", None) or () if int(v)]
    spacing = [float(v) for v in getattr(header, "PixelSpacing", None) or ()]
    if len(matrix) == 2 and len(spacing) == 2:
        size = (int(header.Rows), int(header.Columns))
        wide = min(n * mm for n, mm in zip(size, spacing, strict=True)) > _WIDEST_MM
        if wide and all(n >= 3 * max(matrix) and n % max(matrix) == 0 for n in size):
            return _said("it is several times as large as what was acquired")
    return ""


def _said(why: str) -> str:
    return (
        f"it is a mosaic, a sheet of many slices side by side ({why}): convert the series with dcm2niix, "
        "and give the NIfTI file"
    )


def _count(element: Any) -> int:
    value = getattr(element, "value", None)
    if isinstance(value, bytes):
        return int.from_bytes(value[:4], "little")
    if value is None or isinstance(value, str):
        return int(value) if value and value.strip().isdigit() else 0
    # A sequence has a length: the frames of a grid.
    return len(value) if hasattr(value, "__len__") else int(value)
