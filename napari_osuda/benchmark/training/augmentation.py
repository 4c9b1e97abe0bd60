"""What a slice is varied by while a source model is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from napari_osuda.benchmark.training.recipe import Recipe

__all__ = ["augment"]


def augment(
    images: Tensor, target: Tensor, recipe: Recipe, rng: np.random.Generator, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Move each head a little, and vary each channel's intensities inside it; air stays 0.

    Parameters
    ----------
    images : float tensor [B, C, h, w]
    target : int64 tensor [B, h, w]
    recipe : Recipe
        How much.
    rng : numpy.random.Generator
        Of everything but the noise.
    noise : torch.Generator

    Returns
    -------
    tuple of tensor
        Images and target.
    """
    count, channels = images.shape[:2]
    angle = np.radians(rng.uniform(-recipe.rotation, recipe.rotation, count))
    size = 1 + rng.uniform(-recipe.scale, recipe.scale, count)
    mirror = np.where(recipe.flip & (rng.random(count) < 0.5), -1.0, 1.0)
    theta = np.zeros((count, 2, 3), np.float32)
    # `affine_grid` counts x along columns and y along rows; left-right is along the rows.
    theta[:, 0, 0], theta[:, 0, 1] = np.cos(angle) * size, -np.sin(angle) * size * mirror
    theta[:, 1, 0], theta[:, 1, 1] = np.sin(angle) * size, np.cos(angle) * size * mirror
    theta[:, :, 2] = rng.uniform(-2 * recipe.shift, 2 * recipe.shift, (count, 2))
    grid = F.affine_grid(torch.from_numpy(theta), list(images.shape), align_corners=False)
    inside = (images != 0).any(dim=1, keepdim=True).float()
    inside = F.grid_sample(inside, grid, mode="nearest", align_corners=False)
    images = F.grid_sample(images, grid, align_corners=False)
    target = F.grid_sample(target[:, None].float(), grid, mode="nearest", align_corners=False)[:, 0].long()

    def draw(low: float, high: float) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (count, channels, 1, 1)).astype(np.float32))

    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    reach = (high - low).clamp_min(1e-3)
    bent = low + reach * ((images - low) / reach) ** torch.exp(draw(-recipe.gamma, recipe.gamma))
    bent = bent * draw(1 - recipe.gain, 1 + recipe.gain) + draw(-recipe.offset, recipe.offset)
    bent += draw(0, recipe.noise) * torch.randn(bent.shape, generator=noise)
    return bent * inside, target
