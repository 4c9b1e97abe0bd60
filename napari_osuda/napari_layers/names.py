"""Names of the layers that a run makes: what they are, and of which case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from napari_osuda.imaging.modalities import modality_of

__all__ = ["add_layer", "free_name", "layer_name"]

_ROLES = {
    "before": "original mask",
    "after": "adapted mask",
    "reduced": "reduced mask",
    "difference": "difference",
    "final": "final mask",
    "preview": "live preview",
}


def layer_name(role: str, case: str, removed: int = 0) -> str:
    """The name of a layer by its role in a run ("before", "after", ..., or any words) and its case.

    ``removed`` is how many pieces of the original mask the second look has removed, if any.

    >>> layer_name("after", "patient7"), layer_name("after", "patient7", removed=3)
    ('adapted mask (patient7)', 'reduced mask (patient7)')
    """
    role = "reduced" if role == "after" and removed else role
    return f"{_ROLES.get(role, role)} ({case})"


def free_name(layers: Iterable[Any], wanted: str, layer: Any = None) -> str:
    """``wanted``, or that with a number where another layer than ``layer`` has it: napari would add "[1]".

    >>> free_name([], "adapted mask (patient7)")
    'adapted mask (patient7)'
    """
    taken = {other.name for other in layers if other is not layer}
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}, {number}", number + 1
    return name


def add_layer(viewer: Any, layer: Any, owner: str = "") -> Any:
    """Put a layer up under a name that no other layer has; gives the layer.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari layer
    owner : str
        Whose it is, such as the patient's folder: what tells it from another one's of the same name.
    """
    name, taken = layer.name, {other.name for other in viewer.layers}
    owned = f"{name} ({owner})"
    # The contrast is read from the name: an owner that is called by another contrast must not change it.
    if owner and name in taken and modality_of(owned) == modality_of(name):
        name = owned
    layer.name = free_name(viewer.layers, name, layer)
    return viewer.add_layer(layer)
