"""The layers that a run has made, by their role."""

from __future__ import annotations

from typing import Any

from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.napari_layers.names import layer_name

__all__ = ["names", "of_role", "roles"]


def of_role(viewer: Any, role: str, case: str = "patient7") -> Any:
    """The layer of a role in the run of a case; KeyError where there is none."""
    return viewer.layers[layer_name(role, case)]


def names(viewer: Any) -> set[str]:
    """What all layers are called."""
    return {layer.name for layer in viewer.layers}


def roles(viewer: Any) -> dict[str, list[Any]]:
    """The layers that runs have made, by role; previews of all kinds are "preview"."""
    found: dict[str, list[Any]] = {}
    for layer in viewer.layers:
        if RESULT_KEY in layer.metadata:
            found.setdefault(layer.metadata[RESULT_KEY], []).append(layer)
    return found
