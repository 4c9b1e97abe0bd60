"""A mask as DICOM segmentation that points at the slices it was drawn on. Needs highdicom (extra dicom)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError, OutputError, cannot_write
from napari_osuda.files import written_whole
from napari_osuda.imaging.dicom.files import require
from napari_osuda.imaging.dicom.frames import Frame
from napari_osuda.imaging.dicom.series import DicomSeries, series_of
from napari_osuda.imaging.dicom.volume import place_series
from napari_osuda.imaging.grid import Grid, require_same_grid

__all__ = ["write_dicom_seg"]


def write_dicom_seg(
    path: Path | str,
    labels: NDArray[Any],
    grid: Grid,
    source: Path | str,
    names: Mapping[int, str],
    *,
    colors: Mapping[int, str] | None = None,
    creator: str = "",
    model: str = "",
    version: str = "",
) -> None:
    """Write labels as a binary DICOM segmentation of a series: whole or not at all.

    Each label value that occurs or is named becomes a segment with its name; slices without any label are
    left out, as the standard allows. Patient, study and frame of reference are those of the series.

    Parameters
    ----------
    path : Path or str
    labels : integer array [I, J, K]
        On ``grid``.
    grid : Grid
        Of the case.
    source : Path or str
        A file of the series that the case's grid is, or a folder that holds no other.
    names : mapping of int to str
        Name of each value; 0 is background.
    colors : mapping of int to str, optional
        ``#rrggbb`` of each value.
    creator : str
        Who has decided on the mask.
    model, version : str
        What has drawn it, and this package's version.

    Raises
    ------
    CaseError
        An extra is missing, or the series does not lie on the grid.
    OutputError
        There is no label to write, or it cannot be written there.
    """
    path = Path(path)
    pydicom, highdicom = require("pydicom"), require("highdicom")
    series = series_of(source)
    ordered, own = place_series(series)
    files = list(dict.fromkeys(frame.path for frame in ordered))
    require_same_grid(grid, "the case", own, f"the series {series.title}")
    values = sorted({v for v in names if v != 0} | {int(v) for v in np.unique(labels) if v != 0})
    if not np.isin(labels, values).any():
        raise OutputError(
            f"The mask is empty, and a DICOM segmentation holds at least one voxel: {path} is not written."
        )
    segments = [
        _segment(highdicom, number, value, names, (colors or {}).get(value), model, version)
        for number, value in enumerate(values, start=1)
    ]
    frames = _numbered(labels, values)
    sources = [pydicom.dcmread(file, stop_before_pixels=len(files) > 1) for file in files]
    if len(files) == 1 and len(frames) > 1:
        frames = _in_file_order(ordered, frames)
    segmentation = _document(highdicom, series, sources, frames, segments, creator, version)
    try:
        with written_whole(path) as partial:
            segmentation.save_as(partial)
    except OSError as error:
        raise cannot_write(path, error) from error


def _numbered(labels: NDArray[np.integer[Any]], values: Sequence[int]) -> NDArray[np.uint8]:
    """The number of each voxel's segment, [K, J, I]: the first of the values is 1, all others are 0."""
    lookup = np.zeros(int(labels.max()) + 1, np.uint8)
    for number, value in enumerate(values, start=1):
        if value < len(lookup):
            lookup[value] = number
    return np.ascontiguousarray(lookup[labels].transpose(2, 1, 0))


def _document(
    highdicom: Any,
    series: DicomSeries,
    sources: list[Any],
    frames: NDArray[np.uint8],
    segments: list[Any],
    creator: str,
    version: str,
) -> Any:
    """The segmentation as a DICOM document; CaseError where the series lacks what it needs."""
    try:
        return highdicom.seg.Segmentation(
            source_images=sources,
            pixel_array=frames,
            segmentation_type="BINARY",
            segment_descriptions=segments,
            series_instance_uid=highdicom.UID(),
            series_number=(series.number or 0) + 1000,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer="napari-osuda",
            manufacturer_model_name="napari-osuda",
            software_versions=version or "unknown",
            device_serial_number="0",
            series_description=f"{series.description} segmentation, reviewed",
            content_label="REVIEWED",
            content_description="Research tool, not a medical device",
            content_creator_name=_person(creator),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise CaseError(
            f"The series {series.title} lacks what a DICOM segmentation of it needs ({reason})."
        ) from error


def _segment(
    highdicom: Any,
    number: int,
    value: int,
    names: Mapping[int, str],
    color: str | None,
    model: str,
    version: str,
) -> Any:
    # The standard wants a coded meaning; a label's own name says more, and is what viewers show.
    code = require("pydicom.sr.codedict").codes.SCT
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        # 64 characters at most.
        segment_label=names.get(value, f"label {value}")[:64],
        segmented_property_category=code.MorphologicallyAbnormalStructure,
        segmented_property_type=code.Lesion,
        algorithm_type="SEMIAUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=(model or "napari-osuda")[:64],
            family=require("pydicom.sr.codedict").codes.DCM.ArtificialIntelligence,
            version=version or "unknown",
        ),
        display_color=None if color is None else highdicom.color.CIELabColor.from_string(color),
    )


def _person(name: str) -> str | None:
    # A caret or an equal sign parts the components of a DICOM name.
    plain = "".join(" " if c in "^=\\" else c for c in name).strip()[:64]
    return f"{plain}^" if plain else None


def _in_file_order(ordered: Sequence[Frame], frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Slices by position, as the frames of a multi-frame file are stored."""
    stored = np.empty_like(frames)
    for k, frame in enumerate(ordered):
        stored[frame.index] = frames[k]
    return stored
