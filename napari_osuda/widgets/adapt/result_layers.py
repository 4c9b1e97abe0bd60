"""From image layers to a case, and from a run's masks to layers on the image they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from vispy.scene.visuals import Polygon

from napari_osuda.evaluation import DIFFERENCE, difference
from napari_osuda.imaging.world import from_layer, onto_layer
from napari_osuda.napari_layers.masks import RESULT_KEY, label_colors
from napari_osuda.widgets.qt.window import real_viewer

if TYPE_CHECKING:
    from napari_osuda.models import ModelCard

__all__ = ["ResultLayers"]

IntArray = npt.NDArray[Any]

_MASKS = ("before", "after")
_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


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
        Labels(np.zeros((1, 1, 1), np.uint8), colormap=label_colors({1: "#ffffff"}))
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
        colors = {value: color for value, (_, color) in DIFFERENCE.items()}
        active = self._viewer.layers.selection.active
        self._add("difference", changed, names, colors, visible=False).editable = False
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
        colors: dict[int, str],
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
            colormap=label_colors(colors),
            features={"index": list(names), "label": list(names.values())},
            opacity=0.6,
            visible=visible,
            metadata={**image.metadata, RESULT_KEY: name},
            **{key: getattr(image, key) for key in _PLACE},
        )
        self._made[name] = (layer, shown)
        return self._viewer.add_layer(layer)
