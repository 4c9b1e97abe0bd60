"""The layers of a case under review: images, before, after, difference and the live final mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels

from napari_osuda.evaluation import DIFFERENCE, difference
from napari_osuda.imaging.world import METADATA_KEY, from_layer, layer_arguments, onto_layer
from napari_osuda.napari_layers.images import image_layer
from napari_osuda.napari_layers.masks import RESULT_KEY, RUN_KEY, label_appearance, label_colors
from napari_osuda.napari_layers.names import add_layer, layer_name
from napari_osuda.napari_layers.transforms import TRANSFORM
from napari_osuda.session.report.content import shown_first
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.widgets.qt.window import real_viewer
from napari_osuda.widgets.review.view.planes import PlaneAxis, find_planes, go_to, plane_in_view, step_in_view
from napari_osuda.widgets.review.words import ERRORS

__all__ = ["ReviewLayers"]

IntArray = npt.NDArray[Any]

_BRUSH_MM = 6.0

# From below to above: the contour of `before` must lie on the filled `after`.
_ROLES = ("after", "before", "difference", "final")


class ReviewLayers:
    """Layers of one case at a time; those that are there already are taken over, others are added.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.

    Attributes
    ----------
    on_paint : callable
        Called after each stroke in the final mask.
    layers : dict of str to Labels
        "before", "after", "difference", "final".
    images : list of Image
    planes : dict of str to PlaneAxis
    """

    def __init__(self, viewer: Any) -> None:
        self.viewer = real_viewer(viewer)
        self.on_paint: Callable[[], None] = lambda: None
        self.layers: dict[str, Labels] = {}
        self.images: list[Image] = []
        self.planes: dict[SlicePlane, PlaneAxis] = {}
        self.editing = False
        self._added: list[Any] = []
        self._taken: list[Any] = []
        self._hidden: list[Any] = []
        self._unlocked: list[Any] = []
        self._metadata: dict[str, Any] = {}
        self._colors: dict[int, str] = {}
        self._opacities: dict[int, float] = {}
        self._error: Labels | None = None
        self._case, self._removed = "", 0

    @property
    def alive(self) -> bool:
        """Whether the case is shown and nobody has taken its final mask away."""
        return "final" in self.layers and self.layers["final"] in self.viewer.layers

    def show(self, run: ReviewRun, name: str) -> list[str]:
        """Show a case instead of the one before it; a sentence for each image that is missing."""
        self.clear()
        review = run.review(name)
        missing = self._find_images(run, name)
        case = review.case
        if self.images:
            self._metadata = dict(self.images[0].metadata)
            transform = {key: getattr(self.images[0], key) for key in TRANSFORM}
        else:
            transform = layer_arguments(case.grid)
            self._metadata = transform.pop("metadata")
        self.planes = find_planes(review, self._metadata)
        self._colors, self._opacities = dict(case.colors), {}
        changed = difference(case.before, case.after)
        masks: dict[str, IntArray] = {
            "before": case.before, "after": case.after, "difference": changed, "final": review.final,
        }  # fmt: skip
        self._case, self._removed = name, case.removed
        for role in _ROLES:
            shown = label_appearance(role, case.labels, case.colors)
            self.layers[role] = self._layer(role, masks[role], shown, transform)
        self.to_front()
        self.set_opacities({})
        for layer in (*self.images, *(self.layers[role] for role in _ROLES)):
            self._lock(layer)
        final = self.layers["final"]
        final.events.paint.connect(self._painted)
        # A few millimeters, to mend an edge with; napari's own default covers a lesion.
        final.brush_size = max(1, round(_BRUSH_MM / min(abs(step) for step in final.scale[-2:])))
        self.viewer.layers.selection.active = final
        return missing

    def clear(self, closing: bool = False) -> None:
        """Take away what was added, and unlock what was there.

        What a reader had opened stays for a user who closes the panel, and makes room for another case.
        """
        self.editing = False
        self.show_error(None)
        for layer in self._unlocked:
            layer.events.editable.disconnect(self._keep_locked)
            layer.editable = True
        if "final" in self.layers:
            self.layers["final"].events.paint.disconnect(self._painted)
        for layer in self._added if closing else (*self._added, *self._taken):
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        for layer in self._hidden:
            layer.visible = True
        self._unlocked, self._added, self._taken, self._hidden, self.images = [], [], [], [], []
        self.layers.clear()

    def to_front(self) -> None:
        """Show an image of the case and nothing over its masks."""
        self._show_image()
        self._masks_to_top()

    def refresh_final(self) -> None:
        """Show what the decisions made of the final mask."""
        self.layers["final"].refresh(extent=False, highlight=False)

    def edit(self, editing: bool) -> None:
        """Open the final mask for napari's paint tools, or lock it again."""
        final = self.layers["final"]
        self.editing = editing
        final.editable = editing
        if editing:
            self.viewer.layers.selection.active = final
            if final.selected_label not in self._colors:
                final.selected_label = next(iter(self._colors), 1)
            final.mode = "paint"

    def set_opacities(self, opacities: Mapping[int, float]) -> None:
        """How opaque each label is, 0 to 1, in all masks; those not named stay as they are."""
        self._opacities |= opacities
        for role in ("before", "after", "final"):
            self.layers[role].colormap = label_colors(self._colors, self._opacities)

    def missing(self) -> list[str]:
        """Roles of masks that somebody has deleted from the viewer."""
        return [role for role, layer in self.layers.items() if layer not in self.viewer.layers]

    def put_back(self, roles: list[str]) -> None:
        """Show masks again that somebody has deleted."""
        for role in roles:
            add_layer(self.viewer, self.layers[role])
        self._masks_to_top()
        self.viewer.layers.selection.active = self.layers["final"]

    def show_error(self, error: tuple[str, IntArray] | None) -> None:
        """Show an error map against a reference, (title, values of `difference`), or take it away."""
        old, self._error = self._error, None
        if old is not None and old not in self.viewer.layers:
            old = None
        if error is not None and old is not None and old.name == error[0]:
            # A new layer for every decision would take its place on the list, and a while.
            old.data = np.ascontiguousarray(self.shown(error[1]))
            self._error = old
            return
        if old is not None:
            self.viewer.layers.remove(old)
        if error is None:
            return
        title, values = error
        final = self.layers["final"]
        self._error = Labels(
            np.ascontiguousarray(self.shown(values)),
            name=title,
            colormap=label_colors({value: DIFFERENCE[value][1] for value in ERRORS}),
            features={"index": list(ERRORS), "label": list(ERRORS.values())},
            metadata={**self._metadata, RESULT_KEY: "error"},
            opacity=0.7,
            **{key: getattr(final, key) for key in TRANSFORM},
        )
        add_layer(self.viewer, self._error)
        self._error.editable = False
        self.viewer.layers.selection.active = final

    def shown(self, mask: IntArray) -> IntArray:
        """A mask [I, J, K] as the layers show it; a view."""
        return onto_layer(mask, self._metadata)

    def plane(self) -> SlicePlane | None:
        """The plane that the viewer shows; None in 3-D."""
        return plane_in_view(self.viewer, self.planes)

    def step(self, plane: SlicePlane) -> int:
        """The viewer's slice number in a plane."""
        return step_in_view(self.viewer, self.layers["final"], self.planes[plane])

    def go_to(self, plane: SlicePlane, step: int) -> None:
        """Show a slice by the viewer's number, in that plane."""
        go_to(self.viewer, self.layers["final"], self.planes[plane], step)

    def _find_images(self, run: ReviewRun, name: str) -> list[str]:
        case = run.review(name).case
        paths = {entry.path for entry in case.inputs if entry.path}
        here = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        known = [layer for layer in here if layer.metadata.get(METADATA_KEY, {}).get("path") in paths]
        images, missing = ([], []) if known else run.images(name)
        if not paths:
            # Of a run on layers that came from no file: told by what they hold, as another patient's may
            # have the same shape.
            known = [layer for layer in here if any(_holds(layer, image.data) for image in images)]
        if known:
            self.images = known
            for layer in known:
                self._take(layer)
            return []
        first = shown_first([image.title for image in images])
        for index, image in enumerate(images):
            data, arguments, _ = image_layer(image.data, image.title, case.grid, image.path)
            layer = Image(data, **{**arguments, "visible": index == first})
            self._add(layer)
            self.images.append(layer)
        return missing

    def _show_image(self) -> None:
        """Show the contrast that the model saw, and no other image."""
        shown = self.images[shown_first([layer.name for layer in self.images])] if self.images else None
        for layer in self.viewer.layers:
            if isinstance(layer, Image):
                if layer.visible and layer not in self._added and layer is not shown:
                    self._hidden.append(layer)
                layer.visible = layer is shown

    def _layer(
        self, role: str, mask: IntArray, shown: Mapping[str, Any], transform: Mapping[str, Any]
    ) -> Labels:
        data = self.shown(mask)
        for layer in self.viewer.layers:
            if layer.metadata.get(RESULT_KEY) == role and layer.data.shape == data.shape:
                if role == "final" and layer.metadata.get(RUN_KEY, {}).get("case") != self._case:
                    continue
                if role == "final":
                    # The layer of a reader holds a copy; from now on it is the review's own array.
                    layer.data = data
                if role == "final" or np.array_equal(layer.data, data):
                    self._take(layer)
                    return layer
        layer = Labels(
            data if role == "final" else np.ascontiguousarray(data),
            name=layer_name(role, self._case, self._removed),
            metadata={**self._metadata, RESULT_KEY: role},
            visible=False,
            **shown,
            **transform,
        )
        self._add(layer)
        return layer

    def _take(self, layer: Any) -> None:
        if RUN_KEY in layer.metadata:
            self._taken.append(layer)

    def _add(self, layer: Any) -> None:
        add_layer(self.viewer, layer)
        self._added.append(layer)

    def _masks_to_top(self) -> None:
        layers = self.viewer.layers
        for role in _ROLES:
            index = layers.index(self.layers[role])
            if index != len(layers) - 1:
                layers.move(index, len(layers))

    def _lock(self, layer: Any) -> None:
        layer.editable = False
        layer.events.editable.connect(self._keep_locked)
        self._unlocked.append(layer)

    def _keep_locked(self, event: Any) -> None:
        # napari unlocks a layer by itself, for instance when the view has been in 3-D.
        layer = event.source
        wanted = self.editing and layer is self.layers.get("final")
        if layer.editable and not wanted:
            layer.editable = False

    def _painted(self, event: Any = None) -> None:
        self.on_paint()


def _holds(layer: Image, data: IntArray) -> bool:
    shown = from_layer(layer.data, layer.metadata) if layer.data.ndim == 3 else layer.data
    return shown.shape == data.shape and bool(np.array_equal(shown, data))
