"""Resampling a volume to a voxel size as MONAI's ``Spacing`` does, to the last bit.

Bundles count what is not 0 after it as tissue. Which voxels beside the air are 0, and which hold 1e-28, is
decided by rounding alone, so the same sums are done here in the same order and precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.imaging.resampling import AxisSampling, resample

__all__ = ["FieldOfView", "Respacing", "follow_head", "respacing"]

# Affines and voxel sizes that differ by less are the same to MONAI.
_SAME = 1e-3
# So much of the head may lie outside a field of view that stays in the middle of the image.
_LEFT_OUT = 1e-3
# Points that are computed at once.
_POINTS = 2**20


@dataclass(frozen=True, eq=False)
class Respacing:
    """Points of another voxel size in a volume.

    Attributes
    ----------
    affine, target : float64 array [4, 4]
        Of the volume and of the points: from indices to millimeters.
    source, shape : tuple of three int
        Voxels of the volume, and points.
    """

    affine: NDArray[np.float64]
    target: NDArray[np.float64]
    source: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Distance between points along each axis, in voxels."""
        step = np.linalg.solve(self.affine, self.target)[:3, :3]
        return tuple(float(v) for v in np.diag(step))

    def forward(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values at the points: float32 [..., *shape] of volumes [..., *source]."""
        return _sampled(images, self.affine, self.target, self.shape)

    def back(self, images: NDArray[np.float32], *, nearest: bool = False) -> NDArray[np.float32]:
        """Values at the voxels: float32 [..., *source] of what is known at the points [..., *shape]."""
        return _sampled(images, self.target, self.affine, self.source, "nearest" if nearest else "bilinear")


def respacing(affine: NDArray[np.float64], shape: Sequence[int], spacing: Sequence[float]) -> Respacing:
    """Place points of a voxel size in a volume, from its first voxel on and without its shear.

    Parameters
    ----------
    affine : float64 array [4, 4]
        Of the volume.
    shape : sequence of three int
    spacing : sequence of three float
        Voxel size along the volume's axes, mm.
    """
    own = np.sqrt(np.sum(np.square(affine[:3, :3]), axis=0))
    wanted = np.where(np.abs(own - np.asarray(spacing)) <= _SAME, own, spacing)
    edges = affine[:3, :3]
    upper = np.linalg.cholesky(edges.T @ edges).T
    target = np.eye(4)
    target[:3, :3] = edges @ np.linalg.inv(upper) @ np.diag(np.sign(np.diag(upper)) * wanted)
    corners = np.asarray(np.meshgrid(*((0.0, n - 1.0) for n in shape), indexing="ij")).reshape(3, -1)
    corners = np.concatenate([corners, np.ones_like(corners[:1])])
    there = np.linalg.solve(target, affine) @ corners
    points = np.round(np.ptp(there[:3] / there[3], axis=1) + 1.0)
    here = affine @ corners
    # The first corner from which all others lie ahead; with shear there may be none.
    first = next(
        (i for i in range(8) if np.allclose(np.min(there[:3] - there[:3, i : i + 1], axis=1), 0.0)), None
    )
    if first is None:
        target[:3, 3] = affine[:3, :3] @ (np.array(shape) / 2.0) + affine[:3, 3]
        target[:3, 3] -= target[:3, :3] @ (points / 2.0)
    else:
        target[:3, 3] = here[:3, first]
    return Respacing(affine, target, tuple(shape), tuple(int(n) for n in points))


def _sampled(
    images: NDArray[np.float32],
    affine: NDArray[np.float64],
    target: NDArray[np.float64],
    shape: tuple[int, ...],
    mode: str = "bilinear",
) -> NDArray[np.float32]:
    """Interpolation of volumes at the voxels of another grid; the outermost voxels continue."""
    import torch
    from torch.nn.functional import grid_sample

    step, source = np.linalg.solve(affine, target), images.shape[-3:]
    same_shape = tuple(source) == shape
    if same_shape and (np.allclose(affine, target, atol=_SAME) or np.allclose(step, np.eye(4), atol=_SAME)):
        return images
    volumes = torch.from_numpy(np.ascontiguousarray(images, np.float64).reshape(1, -1, *source))
    result = torch.empty((volumes.shape[1], *shape), dtype=torch.float32)
    for planes, points in _points(step, source, shape):
        found = grid_sample(volumes, points, mode, "border", align_corners=False)
        result[:, planes] = found[0].float()
    return result.numpy().reshape(*images.shape[:-3], *shape)


def _points(step: NDArray[Any], source: Sequence[int], shape: tuple[int, ...]) -> Iterator[tuple[slice, Any]]:
    """Where points lie from -1 to 1 between a volume's faces, as torch wants them, some planes at a time."""
    import torch

    before, after = torch.from_numpy(_faces(source)[None]), np.linalg.inv(_faces(shape)[None])
    matrix = (before @ torch.from_numpy(step[None]) @ torch.from_numpy(after))[0]
    # torch's first coordinate is the last axis.
    reverse = [2, 1, 0, 3]
    matrix = matrix[reverse][:, reverse][:3]
    ends = [torch.linspace(-1, 1, n, dtype=torch.float64) * (n - 1) / n for n in shape]
    ends = [end if len(end) > 1 else torch.zeros(1, dtype=torch.float64) for end in ends]
    planes = max(1, _POINTS // (shape[1] * shape[2]))
    for first in range(0, shape[0], planes):
        part = slice(first, min(first + planes, shape[0]))
        z, y, x = torch.meshgrid(ends[0][part], ends[1], ends[2], indexing="ij")
        base = torch.stack([x, y, z, torch.ones_like(x)], dim=-1)
        points = base.reshape(1, -1, 4).bmm(matrix.T[None])
        yield part, points.reshape(1, *x.shape, 3)


def _faces(shape: Sequence[int]) -> NDArray[np.float64]:
    """From voxel indices to -1 at the first voxel's face and 1 at the last's."""
    n = np.array(shape, np.float64)
    matrix = np.diag([*(2.0 / n), 1.0])
    matrix[:3, 3] = 1.0 / n - 1.0
    return matrix


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """The network's voxels on a slice, and the way there and back.

    Attributes
    ----------
    axes : tuple of AxisSampling
        One for each axis of the slice.
    points : Respacing or None
        Of a volume that is resampled as MONAI does it.
    """

    axes: tuple[AxisSampling, ...]
    points: Respacing | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The network's voxels along each axis."""
        return tuple(axis.target for axis in self.axes)

    def held(self, window: Sequence[int]) -> tuple[int, ...]:
        """As many of them as stand for the slice, or for a window that is larger than it."""
        return tuple(
            axis.target if axis.points is None else max(axis.points[1], least)
            for axis, least in zip(self.axes, window, strict=True)
        )

    def forth(self, slices: NDArray[np.float32], outside: float = 0.0) -> NDArray[np.float32]:
        """Slices [..., H, W] in the network's voxels; ``outside`` in those that lie beyond them."""
        if self.points is None:
            return resample(slices, self.axes, outside)
        result = np.full((*slices.shape[:-3], *self.shape), outside, np.float32)
        result[self._points_of_slice] = self.points.forward(slices)
        return result

    def back(
        self, planes: NDArray[np.float32], outside: ArrayLike = 0.0, *, nearest: bool = False
    ) -> NDArray[np.float32]:
        """What is known of the network's voxels [B, K, h, w] in those of the slices."""
        if self.points is not None:
            return self.points.back(planes[self._points_of_slice], nearest=nearest)
        axes = [replace(axis, order=0) for axis in self._inverse] if nearest else self._inverse
        return resample(planes, axes, outside)

    @cached_property
    def _inverse(self) -> tuple[AxisSampling, ...]:
        return tuple(axis.inverse for axis in self.axes)

    @property
    def _points_of_slice(self) -> tuple[Any, ...]:
        return (..., *(slice(*axis.points) for axis in self.axes if axis.points is not None))


def follow_head(axis: AxisSampling, profile: NDArray[np.intp]) -> AxisSampling:
    """Move a field of view to the head where it leaves some of it out.

    Parameters
    ----------
    axis : AxisSampling
        Centered on the image.
    profile : int array [source]
        Voxels of the head at each source voxel.

    Returns
    -------
    AxisSampling
        The same where it leaves out no more than a thousandth of the head; else moved by whole voxels to
        where it shows most of it, and there as near to the head's middle as can be.
    """
    total = int(profile.sum())
    seen = axis.inverse.inside
    if total == 0 or not seen.any() or int(profile[~seen].sum()) <= _LEFT_OUT * total:
        return axis
    first, last = (int(v) for v in np.flatnonzero(seen)[[0, -1]])
    moves = np.arange(-last, axis.source - first)
    sums = np.concatenate([[0], np.cumsum(profile)])
    shown = sums[np.clip(last + 1 + moves, 0, axis.source)] - sums[np.clip(first + moves, 0, axis.source)]
    # Half of the head's voxels lie to either side of its middle, whatever speckles lie far from it.
    quantiles = np.searchsorted(sums[1:], [0.005 * total, 0.995 * total])
    off = np.abs((first + last) / 2 + moves - quantiles.mean())
    best = min(range(len(moves)), key=lambda i: (-int(shown[i]), float(off[i])))
    return replace(axis, start=axis.start + float(moves[best]))
