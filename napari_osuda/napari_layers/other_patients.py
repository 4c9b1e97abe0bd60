"""Images of other patients that hide the images of a case, or are seen beside them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_osuda.errors import OsudaError
from napari_osuda.imaging.dicom.files import header_of, is_dicom
from napari_osuda.imaging.naming import patient_of_image
from napari_osuda.imaging.world import METADATA_KEY
from napari_osuda.napari_layers.masks import RESULT_KEY

__all__ = ["images_of_others"]

# Ways of drawing a layer that let nothing through from below.
_COVERING = {"opaque", "translucent", "translucent_no_depth"}


def images_of_others(viewer: Any, own: Collection[Any], paths: Sequence[Path]) -> list[Any]:
    """The visible image layers of other patients that no image of the case lies on; the topmost first.

    Parameters
    ----------
    viewer : napari.Viewer
    own : collection of napari Image layers
        Images of the case.
    paths : sequence of Path
        The files of the case. Other images of the same patient are no other patient's. An image that came
        from no file may be anybody's, so it counts as another's, unless it lies voxel by voxel on an image of
        the case and its name says the patient: so does what a filter has made of the case's image.

    Returns
    -------
    list of napari Image layers
    """
    from napari.layers import Image

    found: list[Any] = []
    for layer in reversed(viewer.layers):
        if not isinstance(layer, Image) or not layer.visible or layer.opacity == 0:
            continue
        if any(layer is image for image in own):
            if layer.opacity == 1 and layer.blending in _COVERING and not viewer.canvas.grid.enabled:
                break
        elif RESULT_KEY not in layer.metadata and not _of_patient(layer, own, paths):
            found.append(layer)
    return found


def _of_patient(layer: Any, own: Collection[Any], paths: Sequence[Path]) -> bool:
    known = layer.metadata.get(METADATA_KEY, {}).get("path")
    if not known:
        return any(_lies_on(layer, image) for image in own) and any(
            _says(layer.name, patient_of_image(path)) for path in paths
        )
    return any(_same_patient(Path(known), path) for path in paths)


def _lies_on(layer: Any, image: Any) -> bool:
    """Whether the voxels of two layers lie in the same places."""
    if layer.data.shape != image.data.shape or layer.ndim != image.ndim:
        return False
    corners = [np.zeros(layer.ndim), *np.eye(layer.ndim)]
    return all(np.allclose(layer.data_to_world(at), image.data_to_world(at)) for at in corners)


def _says(name: str, patient: str) -> bool:
    """Whether a layer's name says a patient; "patient1" is not said by "patient12" or "patient1-2"."""
    return bool(re.search(rf"(?<![^\W_]){re.escape(patient)}(?![^\W_]|-[^\W_])", name, re.IGNORECASE))


def _same_patient(one: Path, other: Path) -> bool:
    if one == other:
        return True
    if is_dicom(one) and is_dicom(other):
        said = _patient_id(one), _patient_id(other)
        if all(said):
            return said[0] == said[1]
        # The series of a patient have folders of their own, in one that is the patient's.
        return one.parent == other.parent or one.parent.parent == other.parent.parent
    return patient_of_image(one) == patient_of_image(other)


def _patient_id(path: Path) -> str:
    """What a DICOM file says of whose it is; "" where it says nothing, or cannot be read."""
    try:
        return header_of(path).patient
    except OsudaError:
        return ""
