"""A slice of all visible layers as a picture, cut from the arrays themselves: no second canvas, no GPU."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

__all__ = ["Cut", "base_of", "cut", "steps_at"]


@dataclass(frozen=True, eq=False)
class Cut:
    """A slice as it is seen.

    Attributes
    ----------
    rgb : uint8 array [rows, columns, 3]
        Rows and columns along the two axes that lie in the slice, in their own direction.
    mm : (float, float)
        Height and width of a pixel.
    """

    rgb: NDArray[np.uint8]
    mm: tuple[float, float]


def base_of(layers: Iterable[Any]) -> Any | None:
    """The layer whose voxels the pictures are made of: the topmost visible image, else the topmost labels."""
    volumes = [layer for layer in layers if layer.visible and _is_volume(layer)]
    images = [layer for layer in volumes if isinstance(layer, Image)]
    found = images or volumes
    return found[-1] if found else None


def steps_at(layer: Any, point: NDArray[np.float64]) -> tuple[int, ...]:
    """The voxel of a volume that a point of the world [..., S, A, R] lies in, or is nearest to."""
    at = np.asarray(layer.world_to_data(point[-3:]))
    last = np.asarray(layer.data.shape) - 1
    return tuple(int(n) for n in np.clip(np.rint(at), 0, last))


def cut(layers: Iterable[Any], base: Any, axis: int, index: int) -> Cut:
    """Cut every visible volume along a slice of ``base``, the lower layers first.

    Parameters
    ----------
    layers : iterable of napari layers
        From below to above. What is no volume, or is turned against ``base``, is left out.
    base : napari layer
        Its voxels become the pixels.
    axis, index : int
        Which slice of it.
    """
    across = [other for other in range(3) if other != axis]
    shape = tuple(base.data.shape[other] for other in across)
    rgb = np.zeros((*shape, 3), np.float32)
    for layer in layers:
        if not layer.visible or not _is_volume(layer):
            continue
        found = _slice_on(layer, base, axis, index)
        if found is None:
            continue
        values, inside = found
        colors = _colors(layer, values)
        share = colors[..., 3:] * float(layer.opacity) * inside[..., None]
        if layer.blending == "additive":
            rgb = np.minimum(rgb + colors[..., :3] * share, 1.0)
        else:
            rgb = rgb * (1 - share) + colors[..., :3] * share
    steps = np.abs(np.asarray(base.scale, float)[-3:])
    pixels = np.rint(rgb * 255).astype(np.uint8)
    return Cut(pixels, (float(steps[across[0]]), float(steps[across[1]])))


def _is_volume(layer: Any) -> bool:
    return isinstance(layer, Image | Labels) and layer.ndim == 3 and not getattr(layer, "rgb", False)


def _slice_on(
    layer: Any, base: Any, axis: int, index: int
) -> tuple[NDArray[Any], NDArray[np.float32]] | None:
    """A layer's values [rows, columns] at the pixels of a slice of ``base``, and where it has any."""
    if layer is base or _same_grid(layer, base):
        values = np.take(layer.data, index, axis=axis)
        return values, np.ones(values.shape, np.float32)
    # Where no axis is turned each is looked up by itself: nearest voxel, as napari shows it.
    corner, steps = _corner_and_steps(layer)
    origin, own = _corner_and_steps(base)
    if corner is None or origin is None:
        return None
    places, inside = [], []
    for each in range(3):
        at = np.array([index]) if each == axis else np.arange(base.data.shape[each])
        found = np.rint((origin[each] + at * own[each] - corner[each]) / steps[each]).astype(int)
        inside.append((found >= 0) & (found < layer.data.shape[each]))
        places.append(np.clip(found, 0, layer.data.shape[each] - 1))
    values = np.take(layer.data[np.ix_(*places)], 0, axis=axis)
    rows, columns = (inside[each] for each in range(3) if each != axis)
    known = np.outer(rows, columns) & inside[axis][0]
    return values, known.astype(np.float32)


def _corner_and_steps(layer: Any) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    corner = np.asarray(layer.data_to_world((0, 0, 0)), float)
    ends = np.stack([np.asarray(layer.data_to_world(row), float) - corner for row in np.eye(3)])
    straight = np.allclose(ends, np.diag(np.diag(ends)))
    return (corner if straight else None), np.diag(ends)


def _same_grid(layer: Any, base: Any) -> bool:
    if layer.data.shape != base.data.shape:
        return False
    corners = ((0, 0, 0), tuple(layer.data.shape))
    return all(np.allclose(layer.data_to_world(at), base.data_to_world(at)) for at in corners)


def _colors(layer: Any, values: NDArray[Any]) -> NDArray[np.float32]:
    """RGBA from 0 to 1, [rows, columns, 4]."""
    if isinstance(layer, Labels):
        present, at = np.unique(values, return_inverse=True)
        table = np.atleast_2d(np.asarray(layer.colormap.map(present), np.float32))
        colors: NDArray[np.float32] = table[at.reshape(values.shape)]
        if layer.contour > 0:
            colors = colors * _outline(values)[..., None]
        return colors
    low, high = layer.contrast_limits
    scaled = np.clip((np.nan_to_num(values.astype(np.float32)) - low) / max(high - low, 1e-12), 0, 1)
    # 256 shades, as a screen has: the map is asked for each of them once.
    shades = np.asarray(layer.colormap.map(np.linspace(0, 1, 256) ** layer.gamma), np.float32)
    result: NDArray[np.float32] = shades[np.rint(scaled * 255).astype(np.uint8)]
    return result


def _outline(values: NDArray[Any]) -> NDArray[np.float32]:
    edge = np.zeros(values.shape, bool)
    for axis in (0, 1):
        differs = np.diff(values, axis=axis) != 0
        lower, upper = [slice(None)] * 2, [slice(None)] * 2
        lower[axis], upper[axis] = slice(1, None), slice(None, -1)
        edge[tuple(lower)] |= differs
        edge[tuple(upper)] |= differs
    return (edge & (values != 0)).astype(np.float32)
