"""Train a source segmenter the ordinary way: what a hospital would have on its shelf.

The recipe is that of the paper's source model, as far as the paper tells: its 2-D U-Net with BatchNorm on
128 x 128 axial slices. Loss (cross-entropy plus soft Dice), optimizer, rates and augmentation are ours, and
kept ordinary: the augmentation covers how heads are placed and how one scanner's gain varies, not other
scanners and contrasts, which are what adaptation is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from napari_osuda.benchmark.training.augmentation import augment
from napari_osuda.benchmark.training.loop import EpochReport, train
from napari_osuda.benchmark.training.recipe import Recipe
from napari_osuda.benchmark.training.slices import TrainingSlices
from napari_osuda.networks import UNet

__all__ = ["train_source"]


def train_source(
    slices: TrainingSlices,
    classes: int,
    recipe: Recipe | None = None,
    start: UNet | None = None,
    device: torch.device | str = "cpu",
    resume: Mapping[str, Any] | None = None,
) -> Iterator[EpochReport]:
    """Train a `UNet`, an epoch at a time as the caller asks.

    Parameters
    ----------
    slices : TrainingSlices
        Of all patients.
    classes : int
        Output channels, background included.
    recipe : Recipe, optional
    start : UNet, optional
        Go on with this network, in place, with the rate raised again (a warm restart); a new one without.
    device : torch.device or str
        Where the network is trained.
    resume : mapping, optional
        An earlier report's ``state``, of the same slices and recipe: the epochs after it are trained, as if
        there had been no break.

    Yields
    ------
    EpochReport
        The last one's ``network`` is the source model; call ``.eval()`` on it.

    Raises
    ------
    ValueError
        There are fewer slices than one batch has, or a class beyond ``classes``.

    Notes
    -----
    On the CPU of one machine, with one number of threads, the same slices and recipe give the same weights.
    """
    recipe = recipe or Recipe()
    if len(slices) < recipe.batch_size:
        raise ValueError(f"{len(slices)} slices do not fill a batch of {recipe.batch_size}.")
    if slices.classes.max() >= classes:
        raise ValueError(
            f"The slices have class {slices.classes.max()}, beyond the {classes} of the network."
        )
    if start is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            start = UNet(slices.images.shape[1], classes, recipe.features)
    yield from train(
        start,
        slices,
        recipe,
        lambda rng: rng.permutation(len(slices)),
        lambda images, target, rng, noise: augment(images, target, recipe, rng, noise),
        device=device,
        resume=resume,
    )
