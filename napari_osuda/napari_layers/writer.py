"""Labels layers as NIfTI files on the grid of the MRI they were drawn or predicted on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import napari
import numpy as np

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.imaging.world import METADATA_KEY, from_layer, grid_of_layer, place_is_known
from napari_osuda.imaging.writing import write_labels
from napari_osuda.napari_layers.transforms import matrix_of_attributes

__all__ = ["write_layer"]


def write_layer(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write one Labels layer as .nii.gz or .nii (npe2 writer contribution).

    Parameters
    ----------
    path : str
        Where to; ``.nii.gz`` is added to a name without suffix.
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
    """
    if not path.lower().endswith((".nii", ".nii.gz")):
        path += ".nii.gz"
    labels = np.asarray(data)
    scale: Sequence[float] = attributes.get("scale", (1.0,) * labels.ndim)
    translate: Sequence[float] = attributes.get("translate", (0.0,) * labels.ndim)
    axes: Sequence[str] = attributes.get("axis_labels", ())
    metadata: Mapping[str, Any] = attributes.get("metadata", {})
    if METADATA_KEY not in metadata:
        # A layer from napari's "New labels layer" has the place of its image, but not its metadata.
        metadata = _metadata_beside(labels.shape, scale, translate, _open_layers())
    if labels.ndim != 3 or not place_is_known(labels.shape, metadata, axes):
        raise OutputError(
            f"{attributes.get('name', 'This layer')} does not lie on an MRI that napari-osuda has opened. "
            "Its place in the scanner is not known: open the MRI first, or save the layer in another format."
        )
    try:
        grid = grid_of_layer(labels.shape, metadata, matrix_of_attributes(attributes), axes)
    except CaseError as error:
        raise OutputError(f"{attributes.get('name', 'This layer')} is not written: {error}") from error
    write_labels(path, from_layer(labels, metadata), grid)
    return [path]


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
