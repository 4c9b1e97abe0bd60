"""Ways to look at two masks: overlay, side by side, difference, the final mask, and blinking between them."""

from __future__ import annotations

from typing import Any

from napari.layers import Image

from napari_osuda.session.review_run import RESULT_KEY
from napari_osuda.widgets._review_layers import ReviewLayers

__all__ = ["MODES", "Comparison"]

MODES: dict[str, tuple[str, str]] = {
    "overlay": ("Overlay", "The adapted mask filled, the source's as a contour on it"),
    "side": (
        "Side by side",
        "The source's mask on the left, the adapted one on the right; they move together",
    ),
    "difference": ("Difference", "What was gained, lost, kept and relabelled"),
    "final": ("Final", "The mask that the decisions make"),
}
"""Name and explanation of each mode."""

_VISIBLE = {
    "overlay": ("after", "before"),
    "side": ("before", "after"),
    "difference": ("difference",),
    "final": ("final",),
}
_LINKED = ("contrast_limits", "gamma", "colormap", "interpolation2d")


class Comparison:
    """What is visible of a case under review.

    Parameters
    ----------
    layers : ReviewLayers
    """

    def __init__(self, layers: ReviewLayers) -> None:
        self._layers = layers
        self._viewer = layers.viewer
        self.mode = "overlay"
        self._copies: list[Any] = []
        self._linked: list[Any] = []
        self._order: list[Any] = []
        self._hidden: list[Any] = []
        self._grid: dict[str, Any] = {}
        self._camera: dict[str, Any] = {}
        # napari draws no contours in 3-D, and would warn of them at every slice.
        self._viewer.dims.events.ndisplay.connect(self._on_ndisplay)

    def close(self) -> None:
        """Listen to the viewer no more."""
        self._viewer.dims.events.ndisplay.disconnect(self._on_ndisplay)

    def _on_ndisplay(self, event: Any = None) -> None:
        if self._layers.alive:
            self._apply(_VISIBLE[self.mode])

    def show(self, mode: str) -> None:
        """Enter a mode, a key of `MODES`."""
        if self.mode == "side" and mode != "side":
            self._leave_grid()
        self.mode = mode
        self._apply(_VISIBLE[mode])
        if mode == "side" and not self._copies:
            self._enter_grid()

    def blink(self, held: bool) -> None:
        """While a key is held: the source's mask alone."""
        if held and self.mode != "side":
            self._apply(("before",), contour=0)
        elif not held:
            self._apply(_VISIBLE[self.mode])

    def leave(self) -> None:
        """Give the viewer its grid, order and layers back."""
        if self.mode == "side":
            self._leave_grid()
        self.mode = "overlay"

    def _apply(self, visible: tuple[str, ...], contour: int | None = None) -> None:
        for role, layer in self._layers.layers.items():
            layer.visible = role in visible
        before = self._layers.layers["before"]
        flat = self._viewer.dims.ndisplay == 2
        before.contour = int(self.mode == "overlay" and flat) if contour is None else contour
        # A contour must be seen on what it outlines.
        before.opacity = 1.0 if before.contour else 0.6

    def _enter_grid(self) -> None:
        """Put a copy of the image under each mask: the first four layers, two to a place of the grid."""
        viewer, masks = self._viewer, self._layers.layers
        image = next((layer for layer in reversed(self._layers.images) if layer.visible), None)
        if image is None:
            image = next(iter(self._layers.images), None)
        self._order = list(viewer.layers)
        self._hidden = [
            layer
            for layer in viewer.layers
            if layer.visible and layer not in (masks["before"], masks["after"])
        ]
        for layer in self._hidden:
            layer.visible = False
        pair = [masks["before"], masks["after"]]
        if image is not None:
            self._copies = [self._copy(image, side) for side in ("left", "right")]
            self._linked = [image, *self._copies]
            viewer.layers.link_layers(self._linked, _LINKED)
            pair = [self._copies[0], masks["before"], self._copies[1], masks["after"]]
        self._arrange(pair)
        grid = viewer.canvas.grid
        self._grid = {key: getattr(grid, key) for key in ("stride", "shape", "enabled")}
        grid.stride, grid.shape, grid.enabled = len(pair) // 2, (1, 2), True
        camera = viewer.scene.camera
        self._camera = {"zoom": camera.zoom, "center": camera.center}
        viewer.reset_view(reset_camera_angle=False)
        viewer.layers.selection.active = masks["final"]

    def _leave_grid(self) -> None:
        viewer = self._viewer
        grid = viewer.canvas.grid
        for key, value in self._grid.items():
            setattr(grid, key, value)
        for key, value in self._camera.items():
            setattr(viewer.scene.camera, key, value)
        if self._linked:
            viewer.layers.unlink_layers([layer for layer in self._linked if layer in viewer.layers], _LINKED)
        for layer in self._copies:
            if layer in viewer.layers:
                viewer.layers.remove(layer)
        self._copies, self._linked, self._grid, self._camera = [], [], {}, {}
        self._arrange([layer for layer in self._order if layer in viewer.layers])
        for layer in self._hidden:
            layer.visible = True
        self._order, self._hidden = [], []
        if self._layers.alive:
            viewer.layers.selection.active = self._layers.layers["final"]

    def _copy(self, image: Any, side: str) -> Any:
        layer = Image(
            image.data,
            name=f"{image.name} ({side})",
            contrast_limits=image.contrast_limits,
            colormap=image.colormap,
            gamma=image.gamma,
            interpolation2d=image.interpolation2d,
            scale=image.scale,
            translate=image.translate,
            rotate=image.rotate,
            shear=image.shear,
            affine=image.affine,
            units=image.units,
            axis_labels=image.axis_labels,
            metadata={**image.metadata, RESULT_KEY: "copy"},
        )
        layer.contrast_limits_range = image.contrast_limits_range
        self._viewer.add_layer(layer)
        layer.editable = False
        return layer

    def _arrange(self, first: list[Any]) -> None:
        """Bring layers to the front of the list, in this order."""
        layers = self._viewer.layers
        for place, layer in enumerate(first):
            index = layers.index(layer)
            if index != place:
                layers.move(index, place)
