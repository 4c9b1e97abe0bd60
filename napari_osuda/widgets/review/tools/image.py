"""The image that tools look at: the one that is shown, on the mask's grid."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from napari_osuda.imaging.world import from_layer
from napari_osuda.session.review.review import Review
from napari_osuda.widgets.review.view.layers import ReviewLayers

__all__ = ["shown_image"]


def shown_image(layers: ReviewLayers, review: Review) -> tuple[str, NDArray[Any]] | None:
    """Name and intensities [I, J, K] of the topmost visible image of the case; None where there is none."""
    for layer in reversed(layers.images):
        if layer.visible and layer in layers.viewer.layers and layer.data.ndim == 3:
            data = from_layer(layer.data, layer.metadata)
            if data.shape == review.case.grid.shape:
                return str(layer.name), data
    return None
