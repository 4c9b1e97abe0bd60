"""MRI files and DICOM folders as napari layers in a world of RAS millimeters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.dicom import DicomSeries, find_series, has_dicom, is_dicom, series_of
from napari_osuda.imaging.grid import Grid
from napari_osuda.imaging.modalities import is_label_name
from napari_osuda.imaging.volumes import SUFFIXES, read_labels, read_volume, without_suffix
from napari_osuda.imaging.world import METADATA_KEY, layer_arguments, to_shown
from napari_osuda.napari_layers.orientation import show_patient_soon

__all__ = [
    "get_dicom_reader",
    "get_reader",
    "image_layer",
    "layers_of_series",
    "read_dicom",
    "read_layers",
    "series_at",
]

LayerData = tuple[NDArray[Any], dict[str, Any], str]

# A fourth axis up to this long holds contrasts, each a layer of its own; a longer one is time.
_MOST_CHANNELS = 8


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """Give the reader if all paths are MRI files by name, else None (npe2 reader contribution)."""
    paths = [path] if isinstance(path, str) else list(path)
    readable = paths and all(p.lower().endswith(SUFFIXES) and not Path(p).is_dir() for p in paths)
    return read_layers if readable else None


def get_dicom_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """Give the reader if all paths are DICOM or folders of it, else None (npe2 reader contribution)."""
    paths = [Path(path)] if isinstance(path, str) else [Path(each) for each in path]
    found = paths and all(has_dicom(each) if each.is_dir() else is_dicom(each) for each in paths)
    return read_dicom if found else None


def read_dicom(path: str | Sequence[str]) -> list[LayerData]:
    """Read DICOM series as Images: those in and below a folder, or the whole series that a file belongs to.

    Of a study, series that make no volume (localizers, several echoes in one) are left out, and said.

    Raises
    ------
    CaseError
        No series makes a volume.
    """
    paths = [path] if isinstance(path, str) else list(path)
    found = series_at(paths)
    show_patient_soon()
    layers = layers_of_series(found)
    if not layers:
        raise CaseError(f"There is no DICOM image series in {paths[0]}.")
    return layers


def series_at(paths: Sequence[str]) -> list[DicomSeries]:
    """The DICOM series in and below folders, and those that files belong to, each once."""
    series: dict[tuple[Path, str], DicomSeries] = {}
    for each in map(Path, paths):
        for one in find_series(each) if each.is_dir() else [series_of(each)]:
            series[one.folder, one.uid] = one
    return list(series.values())


def layers_of_series(series: Sequence[DicomSeries]) -> list[LayerData]:
    """Read series as Images; of several those that make no volume are left out, and said.

    Raises
    ------
    CaseError
        No series makes a volume.
    """
    layers, passed_over = [], []
    for one in series:
        try:
            volume = read_volume(one.files[0])
        except CaseError as error:
            passed_over.append(str(error))
        else:
            layer = image_layer(volume.data, one.description, volume.grid, volume.path)
            layer[1]["metadata"][METADATA_KEY]["thickness"] = one.thickness
            layers.append(layer)
    if passed_over and not layers:
        raise CaseError(" ".join(passed_over))
    if passed_over:
        from napari.utils.notifications import show_warning

        show_warning("Left out: " + " ".join(passed_over))
    return layers


def read_layers(path: str | Sequence[str]) -> list[LayerData]:
    """Read MRI files as layers.

    Whole-numbered volumes that are called a segmentation (``_seg``, ``label``, ``mask``...) become Labels,
    all others Images. See `napari_osuda.imaging.world` for how the voxels lie in the viewer.

    Raises
    ------
    CaseError
        A file cannot be read.
    """
    paths = [path] if isinstance(path, str) else path
    show_patient_soon()
    return [layer for each in paths for layer in _layers_of(Path(each))]


def _layers_of(path: Path) -> list[LayerData]:
    name = without_suffix(path.name)
    if is_label_name(name):
        try:
            labels, grid = read_labels(path)
        except CaseError:
            # Called a mask and is none (a probability map, say), or cannot be read, which is said below.
            pass
        else:
            shown = np.ascontiguousarray(to_shown(labels, grid))
            return [(shown, {"name": name, **layer_arguments(grid, path)}, "labels")]
    volume = read_volume(path)
    if volume.data.ndim == 3:
        return [image_layer(volume.data, name, volume.grid, volume.path)]
    count = volume.data.shape[3]
    if count <= _MOST_CHANNELS:
        return [
            image_layer(volume.data[..., i], f"{name} {i + 1}", volume.grid, volume.path)
            for i in range(count)
        ]
    return [image_layer(np.moveaxis(volume.data, 3, 0), name, volume.grid, volume.path)]


def image_layer(data: NDArray[np.float32], name: str, grid: Grid, path: Path | str | None) -> LayerData:
    """Make an image layer of [I, J, K] on a grid, or of a series [T, I, J, K]."""
    shown = np.ascontiguousarray(to_shown(data, grid))
    arguments = layer_arguments(grid, path)
    if data.ndim == 4:
        arguments["scale"] = (1.0, *arguments["scale"])
        arguments["translate"] = (0.0, *arguments["translate"])
        arguments["units"] = ("pixel", *arguments["units"])
        arguments["axis_labels"] = ("volume", *arguments["axis_labels"])
    limits = _contrast_limits(shown)
    if limits is not None:
        arguments["contrast_limits"] = limits
    return shown, {"name": name, **arguments}, "image"


# A share of the voxels that does not count.
_FEW_BELOW = 0.01


def _contrast_limits(shown: NDArray[np.float32]) -> tuple[float, float] | None:
    """From the lowest value to the 99.5th percentile, so that a bright vessel does not darken the brain.

    Where air is 0 and resampling has left a few values below, 0 is the lowest: else air would look gray.
    """
    sample = shown.ravel()[:: max(1, shown.size // 1_000_000)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return None
    low, high = float(sample.min()), float(np.percentile(sample, 99.5))
    if low < 0.0 and float(np.mean(sample < 0)) < _FEW_BELOW and bool((sample == 0).any()):
        low = 0.0
    return (low, high) if high > low else None
