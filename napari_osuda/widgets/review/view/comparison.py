"""Ways to look at two masks: overlay, side by side, difference, the final mask, and blinking between them."""

from __future__ import annotations

from typing import Any

from napari.layers import Image

from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.napari_layers.names import add_layer
from napari_osuda.widgets.review.view.layers import ReviewLayers

__all__ = ["Comparison"]

_VISIBLE = {
    "overlay": ("after", "before"),
    "side": ("before", "after"),
    "difference": ("difference",),
    "final": ("final",),
    # The error map against a reference, which is no mask of the run.
    "error": (),
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
        # Made once a case and hidden between: to add or remove a layer takes napari half a second.
        self._copies: list[Any] = []
        self._in_grid = False
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
        """Enter a mode: a key of `words.MODES`, or "error" for an image without masks."""
        if self._in_grid and mode != "side":
            self._leave_grid()
        self.mode = mode
        self._apply(_VISIBLE[mode])
        if mode == "side" and not self._in_grid:
            self._enter_grid()

    def blink(self, held: bool) -> None:
        """While a key is held: the original mask alone."""
        if held and self.mode != "side":
            self._apply(("before",), contour=0)
        elif not held:
            self._apply(_VISIBLE[self.mode])

    def leave(self) -> None:
        """Give the viewer its grid, order and layers back."""
        if self.mode == "side":
            self._leave_grid()
        self.mode = "overlay"
        viewer = self._viewer
        if self._linked:
            viewer.layers.unlink_layers([layer for layer in self._linked if layer in viewer.layers], _LINKED)
        for layer in self._copies:
            if layer in viewer.layers:
                viewer.layers.remove(layer)
        self._copies, self._linked = [], []

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
        self._in_grid = True
        image = next((layer for layer in reversed(self._layers.images) if layer.visible), None)
        if image is None:
            image = next(iter(self._layers.images), None)
        self._order = [layer for layer in viewer.layers if layer not in self._copies]
        self._hidden = [
            layer
            for layer in viewer.layers
            if layer.visible and layer not in (masks["before"], masks["after"], *self._copies)
        ]
        for layer in self._hidden:
            layer.visible = False
        pair = [masks["before"], masks["after"]]
        if image is not None:
            self._show_copies(image)
            pair = [self._copies[0], masks["before"], self._copies[1], masks["after"]]
        self._arrange(pair)
        for role in ("before", "after"):
            masks[role].name_overlay.visible = True
        grid = viewer.canvas.grid
        self._grid = {key: getattr(grid, key) for key in ("stride", "shape", "enabled")}
        grid.stride, grid.shape, grid.enabled = len(pair) // 2, (1, 2), True
        camera = viewer.scene.camera
        self._camera = {"zoom": camera.zoom, "center": camera.center}
        viewer.reset_view(reset_camera_angle=False)
        viewer.layers.selection.active = masks["final"]

    def _leave_grid(self) -> None:
        viewer = self._viewer
        self._in_grid = False
        for layer in self._copies:
            layer.visible = False
        for role in ("before", "after"):
            if role in self._layers.layers:
                self._layers.layers[role].name_overlay.visible = False
        grid = viewer.canvas.grid
        # Off first: every change of a grid that is on draws it anew.
        for key in ("enabled", "stride", "shape"):
            setattr(grid, key, self._grid[key])
        for key, value in self._camera.items():
            setattr(viewer.scene.camera, key, value)
        self._grid, self._camera = {}, {}
        hidden = [layer for layer in self._copies if layer in viewer.layers]
        self._arrange([*hidden, *(layer for layer in self._order if layer in viewer.layers)])
        for layer in self._hidden:
            layer.visible = True
        self._order, self._hidden = [], []
        if self._layers.alive:
            viewer.layers.selection.active = self._layers.layers["final"]

    def _show_copies(self, image: Any) -> None:
        """Show two layers that look like the image and follow it, as the first of each place."""
        layers = self._viewer.layers
        if not self._copies or self._linked[0] is not image or any(c not in layers for c in self._copies):
            for layer in self._copies:
                if layer in layers:
                    layers.remove(layer)
            self._copies = [self._copy(image, side) for side in ("left", "right")]
            self._linked = [image, *self._copies]
            layers.link_layers(self._linked, _LINKED)
        for layer in self._copies:
            layer.visible = True

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
        add_layer(self._viewer, layer)
        layer.editable = False
        return layer

    def _arrange(self, first: list[Any]) -> None:
        """Bring layers to the front of the list, in this order."""
        layers = self._viewer.layers
        # One after the other, each would draw the scene anew.
        layers.move_multiple([layers.index(layer) for layer in first], 0)
