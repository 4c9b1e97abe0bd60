"""A run's masks as layers on the image they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from vispy.scene.visuals import Polygon

from napari_osuda.evaluation import DIFFERENCE, difference
from napari_osuda.imaging.world import from_layer, onto_layer
from napari_osuda.napari_layers.masks import RESULT_KEY, go_to_most_changed, label_colors, shows
from napari_osuda.napari_layers.names import add_layer, free_name, layer_name
from napari_osuda.widgets.cockpit.slice_layers import copy_transform
from napari_osuda.widgets.qt.window import real_viewer

if TYPE_CHECKING:
    from napari_osuda.models import ModelCard

__all__ = ["ResultLayers"]

IntArray = npt.NDArray[Any]

_MASKS = ("before", "after")


class ResultLayers:
    """The original mask, the adapted mask and their difference, of the last run.

    A layer that is there is given to the next run, hidden until there is a mask for it, and never taken away
    and added again meanwhile. One that someone has painted in stays as it is, hidden and under another name.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = real_viewer(viewer)
        self._image: Any = None
        self._card: ModelCard | None = None
        self._case, self._removed = "", 0
        # Of each role the layer, and the run's own mask as it is shown.
        self._made: dict[str, tuple[Labels, IntArray]] = {}
        self._spare: dict[str, Labels] = {}

    @staticmethod
    def warm_up() -> None:
        """Let napari import and compute what a first layer of labels needs, its polygon tool most of all.

        Better before a run than during it.
        """
        Labels(np.zeros((1, 1, 1), np.uint8), colormap=label_colors({1: "#ffffff"}))
        Polygon([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], border_method="agg")

    def begin(self, image: Any, card: ModelCard, case: str) -> None:
        """Make room for a run of a model on ``image``, which is of this case."""
        self._make_room(*self._made)
        self._image, self._card, self._case = image, card, case

    def end(self) -> None:
        """The run has ended: layers that it has not made anew go."""
        for layer in self._spare.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._spare.clear()

    def leave(self) -> None:
        """The case is no longer open: its masks go; what was painted in stays, hidden, by its name."""
        self._make_room(*self._made)
        self.end()

    def show_before(self, labels: IntArray) -> None:
        """Show the source model's mask, [I, J, K] of the case."""
        self._add("before", labels, *self._labels_and_colors())

    def show_after(self, labels: IntArray, removed: int = 0) -> None:
        """Show the adapted model's mask, [I, J, K] of the case.

        ``removed`` is how many pieces of the original mask it lacks, where it is that one otherwise.
        """
        # Another iteration's, where a person has chosen one.
        self._make_room("after", "difference")
        self._removed = removed
        self._add("after", labels, *self._labels_and_colors())

    def difference(self) -> IntArray | None:
        """What has changed, [I, J, K] of the case; takes a while, and may be called off the GUI thread."""
        made, image = dict(self._made), self._image
        if any(role not in made for role in _MASKS):
            return None
        return difference(*(from_layer(made[role][1], image.metadata) for role in _MASKS))

    def show_difference(self, changed: IntArray) -> None:
        """Show what `difference` gave, hidden at first where the mask that is shown has something there."""
        if any(role not in self._made or not self._is_open(role) for role in _MASKS):
            return
        shown = onto_layer(changed, self._image.metadata)
        spare = self._spare.get("difference")
        if any(shows(layer, "difference", shown) for layer in self._viewer.layers if layer is not spare):
            # A review that is open has taken the run over.
            return
        names = {0: "background", **{value: name for value, (name, _) in DIFFERENCE.items()}}
        colors = {value: color for value, (_, color) in DIFFERENCE.items()}
        active = self._viewer.layers.selection.active
        layer = self._add("difference", changed, names, colors, visible=False)
        layer.editable = False
        seen = [self._made[role][0] for role in _MASKS if self._made[role][0].visible]
        place = go_to_most_changed(self._viewer, layer)
        # Where neither mask is trusted none is shown, and their difference neither.
        if place is not None and seen:
            # A piece that was removed would not be seen at all.
            layer.visible = not any(np.take(mask.data, place[1], axis=place[0]).any() for mask in seen)
        if active is not None:
            self._viewer.layers.selection.active = active

    def prefer(self, role: str) -> None:
        """Show one of the masks, put back if someone deleted it, and hide the others; "" hides all."""
        if role in self._made and not self._is_open(role):
            # The very layer: an open review holds it too, and would put up a second one.
            add_layer(self._viewer, self._made[role][0])
        for other, (layer, _) in self._made.items():
            layer.visible = other == role
        if role in self._made:
            self._viewer.layers.selection.active = self._made[role][0]

    def labels(self, role: str) -> IntArray | None:
        """A mask as it stands, with what was painted since, [I, J, K] of the case; None if it is gone."""
        if role not in self._made or not self._is_open(role):
            return None
        return from_layer(np.asarray(self._made[role][0].data), self._image.metadata)

    def _is_open(self, role: str) -> bool:
        return self._made[role][0] in self._viewer.layers

    def _make_room(self, *roles: str) -> None:
        for role in roles:
            if role not in self._made:
                continue
            is_open = self._is_open(role)
            layer, original = self._made.pop(role)
            if not is_open:
                continue
            layer.visible = False
            if np.array_equal(layer.data, original):
                self._spare[role] = layer
            else:
                layer.name = free_name(self._viewer.layers, f"{layer.name}, edited", layer)

    def _labels_and_colors(self) -> tuple[dict[int, str], dict[int, str]]:
        assert self._card is not None
        return dict(self._card.labels), dict(self._card.colours)

    def _add(
        self,
        role: str,
        labels: IntArray,
        names: dict[int, str],
        colors: dict[int, str],
        visible: bool = True,
    ) -> Labels:
        image, layers = self._image, self._viewer.layers
        shown = np.ascontiguousarray(onto_layer(labels, image.metadata))
        spare = self._spare.pop(role, None)
        layer = spare if spare is not None and spare in layers else None
        is_new = layer is None
        name = free_name(layers, layer_name(role, self._case, self._removed), layer)
        if layer is None:
            layer = Labels(shown.copy(), name=name, opacity=0.6, visible=visible)
        else:
            # A copy: painting must not change the run's own record.
            layer.data = shown.copy()
            layer.name = name
        copy_transform(layer, image)
        layer.colormap = label_colors(colors)
        layer.features = {"index": list(names), "label": list(names.values())}
        layer.metadata = {**image.metadata, RESULT_KEY: role}
        self._made[role] = (layer, shown)
        if is_new:
            add_layer(self._viewer, layer)
        layer.visible = visible
        return layer
