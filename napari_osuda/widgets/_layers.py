"""From image layers to a case, and from a run's masks to layers on the image they belong to."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from vispy.scene.visuals import Polygon

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import DIFFERENCE, difference
from napari_osuda.imaging import (
    Case,
    Grid,
    case_from_arrays,
    digest_of,
    require_same_grid,
    telling_name,
    title_of,
)
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.volumes import without_suffix
from napari_osuda.imaging.world import METADATA_KEY, from_layer, grid_of_layer, onto_layer
from napari_osuda.widgets._channel_panel import RESULT_KEY
from napari_osuda.widgets._shared import real_viewer

if TYPE_CHECKING:
    from napari_osuda.models import ModelCard

__all__ = [
    "ResultLayers",
    "case_name",
    "case_of_layers",
    "grid_problem",
    "label_colours",
    "reference_of_layer",
    "tilted",
]

IntArray = npt.NDArray[Any]

_MASKS = ("before", "after")
_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


def case_name(layers: Mapping[str, Any]) -> str:
    """What the case of these layers is called: by its folder, its file, or its first layer."""
    paths = [_path_of(layer) for layer in layers.values()]
    first = next((path for path in paths if path is not None), None)
    if first is None:
        return next(iter(layers.values())).name if layers else "case"
    if len(layers) == 1:
        return first.parent.name if is_dicom(first) else without_suffix(first.name)
    # DICOM series have folders of their own, in that of the patient.
    together = os.path.commonpath([path.parent for path in paths if path is not None])
    return Path(together).name or first.parent.name


def case_of_layers(layers: Mapping[str, Any]) -> Case:
    """The case that a model is given.

    Parameters
    ----------
    layers : mapping of channel name to napari Image layer
        In the model's order.

    Raises
    ------
    CaseError
        The layers do not lie on one grid; the sentence names those that differ.
    """
    grids = {channel: _grid_of(layer) for channel, layer in layers.items()}
    (first, grid), *others = grids.items()
    for channel, other in others:
        require_same_grid(grid, layers[first].name, other, layers[channel].name)
    arrays = {c: from_layer(np.asarray(layer.data), layer.metadata) for c, layer in layers.items()}
    case = case_from_arrays(case_name(layers), arrays, grid)
    sources = []
    for source, layer in zip(case.sources, layers.values(), strict=True):
        path = _path_of(layer)
        digest, title = None, layer.name
        if path is not None and path.is_file():
            # A series whose layer was given a name that says no contrast is still what the scanner called it.
            digest, title = digest_of(path), telling_name(layer.name, title_of(path))
        sources.append(dataclasses.replace(source, path=path, sha256=digest, title=title))
    return dataclasses.replace(case, sources=tuple(sources))


def grid_problem(layers: Mapping[str, Any]) -> str:
    """A sentence where the layers do not lie on one grid, else nothing: known before any voxel is read."""
    grids = [(layer.name, _grid_of(layer)) for layer in layers.values()]
    try:
        for name, grid in grids[1:]:
            require_same_grid(grids[0][1], grids[0][0], grid, name)
    except CaseError as error:
        return str(error)
    return ""


def tilted(layers: Mapping[str, Any]) -> tuple[str, float] | None:
    """The layer that is tilted most against the patient's axes, and by how many degrees."""
    found = [
        (layer.metadata.get(METADATA_KEY, {}).get("oblique_degrees", 0.0), layer.name)
        for layer in layers.values()
    ]
    degrees, name = max(found, default=(0.0, ""))
    return (name, float(degrees)) if degrees > 0 else None


def label_colours(colours: Mapping[int, str]) -> DirectLabelColormap:
    """A card's colours for napari; the background is clear."""
    palette: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    palette.update({value: colour for value, colour in colours.items() if value != 0})
    return DirectLabelColormap(color_dict=palette)


def reference_of_layer(layer: Any, case: Case) -> IntArray:
    """A reference layer's labels on the case's grid; CaseError if they lie elsewhere."""
    require_same_grid(case.grid, case.name, _grid_of(layer), layer.name)
    return from_layer(np.asarray(layer.data), layer.metadata)


def _grid_of(layer: Any) -> Grid:
    return grid_of_layer(layer.data.shape, layer.metadata, layer.scale, layer.translate, layer.axis_labels)


def _path_of(layer: Any) -> Path | None:
    path = layer.metadata.get(METADATA_KEY, {}).get("path")
    return Path(path) if path else None


class ResultLayers:
    """The layers ``before``, ``after`` and ``difference`` of the last run.

    A new run takes away the layers of the one before it, which are kept in that run's folder; a layer that
    someone has painted in stays, under another name.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    """

    NAMES = ("before", "after", "difference")

    def __init__(self, viewer: Any) -> None:
        self._viewer = real_viewer(viewer)
        self._image: Any = None
        self._card: ModelCard | None = None
        self._made: dict[str, tuple[Labels, IntArray]] = {}
        # Of the run before, hidden, until there is a mask for them: napari takes its time to remove a layer.
        self._spare: dict[str, Labels] = {}
        # napari imports and computes what a first layer of labels needs when it is made, most of all for its
        # polygon tool: better now than during a run.
        Labels(np.zeros((1, 1, 1), np.uint8), colormap=label_colours({1: "#ffffff"}))
        Polygon([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], border_method="agg")

    def begin(self, image: Any, card: ModelCard) -> None:
        """Make room for a run on ``image``."""
        looks = (card.labels, card.colours)
        same = image is self._image and self._card is not None and looks == self._looks()
        self._make_room(*self._made)
        if not same:
            self.end()
        self._image, self._card = image, card

    def end(self) -> None:
        """The run has ended: what it has not made anew goes."""
        for layer in self._spare.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._spare.clear()

    def show_before(self, labels: IntArray) -> None:
        """Show the source model's mask, [I, J, K] of the case."""
        self._add("before", labels, *self._looks())

    def show_after(self, labels: IntArray) -> None:
        """Show the adapted model's mask, [I, J, K] of the case, and what has changed."""
        # Another iteration's, where a person has chosen one.
        self._make_room("after", "difference")
        self._add("after", labels, *self._looks())

    def difference(self) -> IntArray | None:
        """What has changed, [I, J, K] of the case; takes a while, and may be called off the GUI thread."""
        made, image = dict(self._made), self._image
        if any(name not in made for name in _MASKS):
            return None
        return difference(*(from_layer(made[name][1], image.metadata) for name in _MASKS))

    def show_difference(self, changed: IntArray) -> None:
        """Show what `difference` gave, hidden at first."""
        if any(name not in self._made or self._made[name][0] not in self._viewer.layers for name in _MASKS):
            return
        names = {0: "background", **{value: name for value, (name, _) in DIFFERENCE.items()}}
        colours = {value: colour for value, (_, colour) in DIFFERENCE.items()}
        active = self._viewer.layers.selection.active
        self._add("difference", changed, names, colours, visible=False).editable = False
        if active is not None:
            self._viewer.layers.selection.active = active

    def prefer(self, name: str) -> None:
        """Show one of the masks and hide the others."""
        for other, (layer, _) in self._made.items():
            layer.visible = other == name
        if name in self._made and self._made[name][0] in self._viewer.layers:
            self._viewer.layers.selection.active = self._made[name][0]

    def labels(self, name: str) -> IntArray | None:
        """A mask as it stands, with what was painted since, [I, J, K] of the case; None if it is gone."""
        made = self._made.get(name)
        if made is None or made[0] not in self._viewer.layers:
            return None
        return from_layer(np.asarray(made[0].data), self._image.metadata)

    def _make_room(self, *names: str) -> None:
        for name in names:
            if name not in self._made:
                continue
            layer, original = self._made.pop(name)
            if layer not in self._viewer.layers:
                continue
            if np.array_equal(layer.data, original):
                layer.visible = False
                self._spare[name] = layer
            else:
                layer.name = f"{name} (edited)"

    def _looks(self) -> tuple[dict[int, str], dict[int, str]]:
        assert self._card is not None
        return dict(self._card.labels), dict(self._card.colours)

    def _add(
        self,
        name: str,
        labels: IntArray,
        names: dict[int, str],
        colours: dict[int, str],
        visible: bool = True,
    ) -> Labels:
        image = self._image
        shown = np.ascontiguousarray(onto_layer(labels, image.metadata))
        spare = self._spare.pop(name, None)
        if spare is not None and spare in self._viewer.layers:
            spare.data, spare.visible = shown.copy(), visible
            self._made[name] = (spare, shown)
            return spare
        layer = Labels(
            # A copy: painting must not change the run's own record.
            shown.copy(),
            name=name,
            colormap=label_colours(colours),
            features={"index": list(names), "label": list(names.values())},
            opacity=0.6,
            visible=visible,
            metadata={**image.metadata, RESULT_KEY: name},
            **{key: getattr(image, key) for key in _PLACE},
        )
        self._made[name] = (layer, shown)
        return self._viewer.add_layer(layer)
