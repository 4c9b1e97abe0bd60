"""A toy: bright discs that a small network knows, and the same in an inverted contrast."""

from __future__ import annotations

import numpy as np
import torch

SIDE = 16


def discs(count, seed, inverted=False, faint=False):
    """Z-scored images with a disc, [N, 1, h, w], and its mask; or inverted, or in another gray scale."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    center = rng.uniform(5, SIDE - 5, (2, count, 1, 1))
    mask = np.hypot(rows - center[0], columns - center[1]) < rng.uniform(2, 4, (count, 1, 1))
    images = np.where(mask, 1.0, 0.0) + rng.normal(0, 0.1, mask.shape)
    images = 1 - images if inverted else images
    images = images - images.mean((1, 2), keepdims=True)
    images /= images.std((1, 2), keepdims=True)
    images = 0.5 * images - 1 if faint else images
    return images[:, None].astype(np.float16), mask.astype(np.uint8)


def overlap(network, images, mask):
    """Dice over all images."""
    with torch.no_grad():
        found = network(torch.from_numpy(images.astype(np.float32))).argmax(1).numpy()
    return 2 * (found * mask).sum() / max((found + mask).sum(), 1)
