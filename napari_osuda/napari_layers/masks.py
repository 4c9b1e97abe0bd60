"""Layers of masks: their colors and names of values, and the marks of a result and of its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from napari.utils.colormaps.standardize_color import transform_color

from napari_osuda.evaluation import DIFFERENCE

__all__ = [
    "RESULT_KEY",
    "RUN_KEY",
    "go_to_most_changed",
    "label_appearance",
    "label_colors",
    "mask_layer",
    "shows",
]

RESULT_KEY = "napari-osuda result"
"""In a layer's metadata: which mask of a run it shows, so that it is never taken for an input."""

RUN_KEY = "napari-osuda run"
"""In a layer's metadata: {"folder", "case"} of the run folder that it was opened from."""

# The value of `difference` where both masks have the same label.
_KEPT = 3


def label_colors(
    colors: Mapping[int, str], opacities: Mapping[int, float] | None = None
) -> DirectLabelColormap:
    """A card's colors for napari, each with its opacity from 0 to 1.

    The background is clear. A value that the card does not know is white: it must not go unseen.
    """
    palette: dict[int | None, Any] = {None: "#ffffff", 0: "transparent"}
    for value, color in colors.items():
        if value != 0:
            palette[value] = transform_color(color)[0].copy()
            palette[value][3] *= (opacities or {}).get(value, 1.0)
    return DirectLabelColormap(color_dict=palette)


def label_appearance(role: str, labels: Mapping[int, str], colors: Mapping[int, str]) -> dict[str, Any]:
    """Arguments of a Labels layer: names and colors of a mask's values, or of those of `difference`."""
    if role == "difference":
        labels = {value: name for value, (name, _) in DIFFERENCE.items()}
        colors = {value: color for value, (_, color) in DIFFERENCE.items()}
    return {
        "colormap": label_colors(colors),
        "features": {"index": list(labels), "label": list(labels.values())},
        "opacity": 0.6,
    }


def mask_layer(name: str, card: Any, data: Any, transform: Mapping[str, Any]) -> Labels:
    """A layer of masks in the card's names and colors, not to be painted in."""
    layer = Labels(data, name=name, **label_appearance("after", card.labels, card.colours), **transform)
    layer.editable = False
    return layer


def shows(layer: Any, role: str, data: Any) -> bool:
    """Whether a layer is that mask of a run, and holds just these labels."""
    return layer.metadata.get(RESULT_KEY) == role and np.array_equal(layer.data, data)


def go_to_most_changed(viewer: Any, layer: Labels) -> tuple[int, int] | None:
    """Show the slice, of the plane in view, in which a layer of `difference` has most change.

    Planes across it show the middle of what has changed there.
    In 3-D, and where nothing has changed, the picture stays as it is.

    Returns
    -------
    tuple of int, or None
        The layer's axis and the index of the slice along it; None where the picture stays.
    """
    dims = viewer.dims
    if dims.ndisplay != 2 or layer.ndim != 3:
        return None
    axis = int(dims.not_displayed[-1] - (dims.ndim - 3))
    if axis < 0:
        return None
    values = np.asarray(layer.data)
    changed = (values != 0) & (values != _KEPT)
    rest = [other for other in range(3) if other != axis]
    counts = np.count_nonzero(changed, axis=tuple(rest))
    if not counts.any():
        return None
    at, index = np.zeros(3), int(counts.argmax())
    at[axis] = index
    at[rest] = np.argwhere(np.take(changed, index, axis=axis)).mean(axis=0).round()
    world = layer.data_to_world(at)
    before = dims.ndim - 3
    dims.set_point([before + each for each in range(3)], [float(world[each]) for each in range(3)])
    return axis, index
