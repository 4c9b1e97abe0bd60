"""Layers of masks: their colors, and the marks by which a result and its run are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

RUN_KEY = "napari-osuda run"


def looks(role: str, labels: dict[int, str], colors: dict[int, str]) -> dict[str, Any]:
    """Names and colors of a mask's values."""
    from napari.utils.colormaps import DirectLabelColormap

    from napari_osuda.evaluation import DIFFERENCE

    if role == "difference":
        labels = {value: name for value, (name, _) in DIFFERENCE.items()}
        colors = {value: color for value, (_, color) in DIFFERENCE.items()}
    palette: dict[int | None, str] = {None: "#ffffff", 0: "transparent"}
    for value, color in colors.items():
        palette[value] = palette.get(value, color)
    return {
        "colormap": DirectLabelColormap(color_dict=palette),
        "features": {"index": list(labels), "label": list(labels.values())},
    }


# Mark in the metadata of the layers that a run has made: never an input of the next.
RESULT_KEY = "napari-osuda result"


def label_colors(colors: Mapping[int, str]) -> DirectLabelColormap:
    """A card's colors for napari; the background is clear."""
    palette: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    palette.update({value: color for value, color in colors.items() if value != 0})
    return DirectLabelColormap(color_dict=palette)


def mask_layer(name: str, card: Any, data: Any, place: dict[str, Any]) -> Labels:
    """A layer of masks in the card's names and colors, not to be painted in."""
    from napari.layers import Labels

    layer = Labels(
        data,
        name=name,
        colormap=label_colors(card.colours),
        features={"index": list(card.labels), "label": list(card.labels.values())},
        opacity=0.6,
        **place,
    )
    layer.editable = False
    return layer
