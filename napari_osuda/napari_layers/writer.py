"""Labels layers as files on the grid of the MRI they were drawn or predicted on: NIfTI or DICOM-SEG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.imaging import Grid
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.world import METADATA_KEY, from_layer, grid_of_layer, place_is_known
from napari_osuda.imaging.writing import write_labels
from napari_osuda.napari_layers.transforms import matrix_of_attributes

__all__ = ["label_names", "labels_on_grid", "write_layer"]


def write_layer(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write one Labels layer as .nii.gz, .nii or DICOM-SEG (npe2 writer contribution).

    Parameters
    ----------
    path : str
        Where to; ``.nii.gz`` is added to a name without suffix. ``.dcm``: a DICOM segmentation, for an MRI
        that was opened from DICOM.
    data : integer array [S, A, R]
        The layer's data.
    attributes : mapping
        The layer's attributes, as napari gives them to a writer.

    Returns
    -------
    list of str
        The path that was written.

    Raises
    ------
    OutputError
        The layer does not lie on an MRI whose place in the scanner is known, or the place is not writable.
    CaseError
        For a DICOM segmentation: see `napari_osuda.imaging.dicom.segmentation.write_dicom_seg`.
    """
    if not path.lower().endswith((".nii", ".nii.gz", ".dcm")):
        path += ".nii.gz"
    name = attributes.get("name", "This layer")
    metadata = _metadata_of(data, attributes)
    if np.ndim(data) != 3 or not place_is_known(np.shape(data), metadata, attributes.get("axis_labels", ())):
        raise OutputError(
            f"{name} does not lie on an MRI that napari-osuda has opened. "
            "Its place in the scanner is not known: open the MRI first, or save the layer in another format."
        )
    try:
        labels, grid = labels_on_grid(data, attributes)
    except CaseError as error:
        raise OutputError(f"{name} is not written: {error}") from error
    if path.lower().endswith(".dcm"):
        _write_segmentation(path, labels, grid, metadata, attributes)
    else:
        write_labels(path, labels, grid)
    return [path]


def labels_on_grid(data: Any, attributes: Mapping[str, Any]) -> tuple[NDArray[Any], Grid]:
    """A Labels layer's values in the order of its grid, and the grid.

    Parameters
    ----------
    data : integer array [S, A, R]
        The layer's data.
    attributes : mapping
        The layer's attributes, as napari gives them to a writer.

    Raises
    ------
    CaseError
        As `napari_osuda.imaging.world.grid_of_layer`.
    """
    labels, metadata = np.asarray(data), _metadata_of(data, attributes)
    axes: Sequence[str] = attributes.get("axis_labels", ())
    grid = grid_of_layer(labels.shape, metadata, matrix_of_attributes(attributes), axes)
    return from_layer(labels, metadata), grid


def label_names(attributes: Mapping[str, Any]) -> dict[int, str]:
    """The names of a layer's values, by its features "index" and "label"; nothing where it has none."""
    features = attributes.get("features")
    if features is None or not {"index", "label"} <= set(features):
        return {}
    return {int(value): str(name) for value, name in zip(features["index"], features["label"], strict=True)}


def _write_segmentation(
    path: str, labels: NDArray[Any], grid: Grid, metadata: Mapping[str, Any], attributes: Mapping[str, Any]
) -> None:
    from napari_osuda.imaging.dicom.segmentation import write_dicom_seg
    from napari_osuda.version import __version__

    source = metadata.get(METADATA_KEY, {}).get("path")
    if source is None or not Path(source).exists() or not (Path(source).is_dir() or is_dicom(Path(source))):
        raise OutputError(
            "A DICOM segmentation points at the DICOM slices of its MRI, and this MRI was not opened from "
            "DICOM. Save the mask as .nii.gz."
        )
    names = {0: "background", **label_names(attributes)}
    write_dicom_seg(path, labels, grid, source, names, version=__version__)


def _metadata_of(data: Any, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """A layer's metadata; those of an open MRI that it lies on where it has none of ours."""
    metadata: Mapping[str, Any] = attributes.get("metadata", {})
    if METADATA_KEY in metadata:
        return metadata
    # A layer from napari's "New labels layer" has the place of its image, but not its metadata.
    shape = np.shape(data)
    scale: Sequence[float] = attributes.get("scale", (1.0,) * len(shape))
    translate: Sequence[float] = attributes.get("translate", (0.0,) * len(shape))
    return _metadata_beside(shape, scale, translate, _open_layers())


def _open_layers() -> Iterable[Any]:
    viewer = napari.current_viewer()
    return () if viewer is None else tuple(viewer.layers)


def _metadata_beside(
    shape: tuple[int, ...], scale: Sequence[float], translate: Sequence[float], layers: Iterable[Any]
) -> Mapping[str, Any]:
    """Metadata of an open MRI that lies voxel on voxel with a layer, or an empty dict."""
    for layer in layers:
        if (
            METADATA_KEY in layer.metadata
            and layer.data.shape == shape
            and np.allclose(layer.scale, scale)
            and np.allclose(layer.translate, translate)
        ):
            metadata: Mapping[str, Any] = layer.metadata
            return metadata
    return {}
