"""What real images are varied by in training: place, gray scale, coil, sharpness, noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Variation", "vary"]


@dataclass(frozen=True)
class Variation:
    """How much is varied, each image by its own draw.

    Attributes
    ----------
    flip : int or None
        Axis of the image (0 is rows) that is mirrored at random: the one from left to right.
    rotation : float
        Largest rotation in each plane, degrees.
    scale : float
        Largest change of size, as a logarithm.
    shift : float
        Largest displacement, share of the image.
    bend : float
        Largest displacement of a smooth deformation, share of the image, in 3 of 10 images.
    gamma : float
        Largest logarithm of the exponent on the image's own range.
    gain, offset : float
        Largest logarithm of a factor, and what is added, in standard deviations of the image.
    bias : float
        Logarithm of a smooth field that multiplies the image, in half of the images.
    blur : float
        Largest sd of a Gaussian, pixels, in 1 of 4 images.
    noise : float
        Largest sd of added noise, in half of the images.
    """

    flip: int | None = None
    rotation: float = 20.0
    scale: float = 0.2
    shift: float = 0.06
    bend: float = 0.02
    gamma: float = 0.35
    gain: float = 0.25
    offset: float = 0.25
    bias: float = 0.3
    blur: float = 1.2
    noise: float = 0.15


def vary(
    images: Tensor, target: Tensor, variation: Variation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Vary a batch of slices or volumes.

    Parameters
    ----------
    images : float tensor [B, C, *spatial]
        Normalized; two or three spatial axes.
    target : int64 tensor [B, *spatial]
    variation : Variation
    generator : torch.Generator
        Of every draw; on the CPU, as the batch.

    Returns
    -------
    tuple of tensor
        Images and target; what comes from beyond the border is the border's.
    """
    images, target = _moved(images, target, variation, generator)
    return _acquired(images, variation, generator), target


def _draw(generator: torch.Generator, reach: float, *shape: int) -> Tensor:
    return (torch.rand(*shape, generator=generator) * 2 - 1) * reach


def _some(generator: torch.Generator, share: float, like: Tensor) -> Tensor:
    """For each image 1 with this probability, else 0, ready to be multiplied with."""
    return (torch.rand(len(like), generator=generator) < share).float().view(-1, *[1] * (like.ndim - 1))


def _smooth(generator: torch.Generator, channels: int, nodes: int, like: Tensor) -> Tensor:
    """Smooth fields between -1 and 1 from a coarse lattice: [B, channels, *spatial]."""
    axes = like.ndim - 2
    lattice = _draw(generator, 1.0, len(like), channels, *[nodes] * axes)
    mode = "bicubic" if axes == 2 else "trilinear"
    return F.interpolate(lattice, size=like.shape[2:], mode=mode, align_corners=True)


def _moved(
    images: Tensor, target: Tensor, variation: Variation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    count, axes = len(images), images.ndim - 2
    # `affine_grid` counts the axes from the last to the first, each from -1 to 1.
    extent = torch.tensor([float(n) for n in reversed(images.shape[2:])])
    matrix = torch.eye(axes).repeat(count, 1, 1)
    for i in range(axes):
        for j in range(i + 1, axes):
            angle = _draw(generator, torch.pi / 180 * variation.rotation, count)
            turn = torch.eye(axes).repeat(count, 1, 1)
            turn[:, i, i] = turn[:, j, j] = angle.cos()
            turn[:, i, j], turn[:, j, i] = -angle.sin(), angle.sin()
            matrix = matrix @ turn
    matrix = matrix * torch.exp(_draw(generator, variation.scale, count, 1, 1))
    if variation.flip is not None:
        mirror = torch.ones(count, 1, axes)
        mirror[:, 0, axes - 1 - variation.flip] = (
            1 - 2 * (torch.rand(count, generator=generator) < 0.5).float()
        )
        matrix = matrix * mirror
    # Turned in pixels, not in shares of an image whose sides differ.
    matrix = matrix * extent / extent[:, None]
    theta = torch.cat([matrix, _draw(generator, 2 * variation.shift, count, axes, 1)], dim=2)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    bent = 2 * variation.bend * _smooth(generator, axes, 6, images) * _some(generator, 0.3, images)
    grid = grid + bent.movedim(1, -1)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    classes = F.grid_sample(
        target[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    return moved, classes[:, 0].long()


def _acquired(images: Tensor, variation: Variation, generator: torch.Generator) -> Tensor:
    within = tuple(range(2, images.ndim))
    one = (len(images), images.shape[1], *[1] * len(within))
    low = images.amin(within, keepdim=True)
    reach = (images.amax(within, keepdim=True) - low).clamp_min(1e-3)
    share = ((images - low) / reach) ** torch.exp(_draw(generator, variation.gamma, *one))
    field = variation.bias * _smooth(generator, 1, 3, images) * _some(generator, 0.5, images)
    changed = low + reach * share * torch.exp(field)
    changed = changed * torch.exp(_draw(generator, variation.gain, *one)) + _draw(
        generator, variation.offset, *one
    )
    changed = _blurred(changed, variation, generator)
    noise = torch.randn(changed.shape, generator=generator)
    strength = variation.noise * torch.rand(one, generator=generator) * _some(generator, 0.5, images)
    return changed + strength * noise


def _blurred(images: Tensor, variation: Variation, generator: torch.Generator) -> Tensor:
    count, channels, axes = *images.shape[:2], images.ndim - 2
    sd = 0.3 + (variation.blur - 0.3) * torch.rand(count, 1, generator=generator)
    weights = torch.exp(-(torch.arange(-3.0, 4.0) ** 2) / (2 * sd**2))
    kernel = (weights / weights.sum(1, keepdim=True)).repeat_interleave(channels, dim=0)
    # Every image has its own kernel: as groups of one convolution.
    blurred = images.reshape(1, count * channels, *images.shape[2:])
    convolve = F.conv2d if axes == 2 else F.conv3d
    for axis in range(axes):
        shape, pad = [1] * axes, [0] * axes
        shape[axis], pad[axis] = 7, 3
        padded = F.pad(blurred, [p for n in reversed(pad) for p in (n, n)], mode="replicate")
        blurred = convolve(padded, kernel.view(-1, 1, *shape), groups=count * channels)
    chosen = _some(generator, 0.25, images)
    return torch.where(chosen > 0, blurred.view_as(images), images)
