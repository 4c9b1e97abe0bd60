"""A DICOM series as one volume: single-frame series and enhanced multi-frame images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.dicom.files import header_of, pixels_of
from napari_osuda.imaging.dicom.frames import Frame, in_order
from napari_osuda.imaging.dicom.series import DicomSeries
from napari_osuda.imaging.dicom.whole import require_one_volume, require_whole
from napari_osuda.imaging.formats.stored import require_growth
from napari_osuda.imaging.grid import Grid

__all__ = ["place_series", "read_series"]


def place_series(series: DicomSeries) -> tuple[list[Frame], Grid]:
    """The slices of a series in order, and the grid that they make, without their pixels.

    Raises
    ------
    CaseError
        They do not make one volume (other sizes or directions, two at one position, some missing, beside each
        other, of several echoes), or a file does not say where its slices lie.
    """
    where = f"The series {series.title} in {series.folder}"
    headers = [header_of(path) for path in series.files]
    for header in headers:
        if header.problem:
            raise CaseError(f"{where} cannot be read: of {header.path.name}, {header.problem}.")
    if len({header.frame_of_reference for header in headers}) > 1:
        raise CaseError(
            f"{where} is not one volume: its files name different frames of reference, so the patient has "
            "moved between them. Export each part as a series of its own."
        )
    patients = sorted({header.patient for header in headers} - {""})
    if len(patients) > 1:
        raise CaseError(
            f"{where} is not of one patient: its files name {len(patients)} patients in PatientID. Sort the "
            "files, or export the series again."
        )
    frames, affine = in_order([frame for header in headers for frame in header.frames], where)
    require_one_volume(frames, where)
    rows, columns = frames[0].size
    grid = Grid((columns, rows, len(frames)), affine)
    require_whole(frames, grid.spacing[2], where)
    return frames, grid


def read_series(series: DicomSeries) -> tuple[NDArray[np.float32], Grid, tuple[Path, ...]]:
    """Read a series as one volume.

    Returns
    -------
    data : float32 array [I, J, K]
        Rescale slope and intercept applied; I along a row (its columns), J down the rows, K across slices.
    grid : Grid
        In RAS millimeters.
    files : tuple of Path
        In the order of K; for a multi-frame file that file alone.

    Raises
    ------
    CaseError
        As `place_series`, or the pixels cannot be decoded.
    """
    frames, grid = place_series(series)
    files = {frame.path for frame in frames}
    size = sum(path.stat().st_size for path in files)
    require_growth(f"The series {series.title} in {series.folder}", 4 * math.prod(grid.shape), size)
    # The last axis slowest in memory, as in NIfTI files: a slice lies in one piece.
    data = np.empty(grid.shape[::-1], np.float32).transpose(2, 1, 0)
    pixels: dict[Path, NDArray[Any]] = {}
    for k, frame in enumerate(frames):
        if frame.path not in pixels:
            pixels.clear()
            pixels[frame.path] = pixels_of(frame.path)
        stored = pixels[frame.path]
        plane = stored[frame.index] if stored.ndim == 3 and frame.index < len(stored) else stored
        if plane.shape != frame.size:
            raise CaseError(f"{frame.path} holds pixels of the shape {plane.shape}, not {frame.size}.")
        data[:, :, k] = plane.T * np.float32(frame.slope) + np.float32(frame.intercept)
    return data, grid, tuple(dict.fromkeys(frame.path for frame in frames))
