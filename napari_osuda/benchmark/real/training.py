"""Train a source segmenter on real images: the plain good recipe, checkpointed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_osuda.benchmark.real.augmentation import Variation, vary
from napari_osuda.benchmark.training import EpochReport, Pace, TrainingSlices, train
from napari_osuda.networks import UNet

__all__ = ["RealRecipe", "train_real"]


@dataclass(frozen=True)
class RealRecipe(Pace):
    """How a source model is trained on real images.

    An epoch shows every image with a foreground once, and as many of the others, drawn by chance.

    Attributes
    ----------
    features : tuple of int
        Of the `UNet`.
    variation : Variation
    """

    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    features: tuple[int, ...] = (16, 32, 64, 128, 128)
    variation: Variation = field(default_factory=Variation)


def train_real(
    slices: TrainingSlices,
    classes: int,
    recipe: RealRecipe,
    device: torch.device | str = "cpu",
    resume: Mapping[str, Any] | None = None,
) -> Iterator[EpochReport]:
    """Train a `UNet` on slices or volumes, an epoch at a time as the caller asks.

    Parameters
    ----------
    slices : TrainingSlices
        Of all patients; images [N, C, h, w] or [N, C, d, h, w].
    classes : int
        Output channels, background included.
    recipe : RealRecipe
    device : torch.device or str
    resume : mapping, optional
        An earlier report's ``state``, of the same slices and recipe.

    Yields
    ------
    EpochReport
        The last one's ``network`` is the source model; call ``.eval()`` on it.

    Raises
    ------
    ValueError
        There are fewer images than one batch has.
    """
    marked: NDArray[np.bool_] = np.any(slices.classes.reshape(len(slices), -1), axis=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = UNet(slices.images.shape[1], classes, recipe.features, slices.images.ndim - 2)
    yield from train(
        network,
        slices,
        recipe,
        lambda rng: _order(marked, rng),
        lambda images, target, rng, noise: vary(images, target, recipe.variation, noise),
        warm=0.1,
        precision=torch.bfloat16,
        device=device,
        resume=resume,
    )


def _order(marked: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.intp]:
    """The images of an epoch: all with a foreground, and as many of the others as they are, mixed."""
    with_it, without = np.flatnonzero(marked), np.flatnonzero(~marked)
    few = rng.permutation(without)[: max(len(with_it), 1)]
    return rng.permutation(np.concatenate([with_it, few]))
