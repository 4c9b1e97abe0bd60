"""Train a source segmenter the ordinary way: what a hospital would have on its shelf.

The recipe is that of the paper's source model, as far as the paper tells: its 2-D U-Net with BatchNorm on
128 x 128 axial slices. Loss (cross-entropy plus soft Dice), optimizer, rates and augmentation are ours, and
kept ordinary: the augmentation covers how heads are placed and how one scanner's gain varies, not other
scanners and contrasts, which are what adaptation is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_osuda.benchmark.training.augmentation import augment
from napari_osuda.benchmark.training.recipe import Recipe
from napari_osuda.benchmark.training.slices import TrainingSlices
from napari_osuda.networks import UNet

__all__ = ["EpochReport", "segmentation_loss", "train_source"]


@dataclass(frozen=True)
class EpochReport:
    """What an epoch of training came to.

    Attributes
    ----------
    epoch, epochs : int
        Number of this one from 1, and of all.
    loss : float
        Mean over its batches.
    network : UNet
        As it is now, in train mode; not a copy. On the CPU after the last epoch.
    state : mapping
        What `train_source` needs to go on from here: tensors and plain values, which training on changes.
    """

    epoch: int
    epochs: int
    loss: float
    network: UNet
    state: Mapping[str, Any]


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
    rng = np.random.default_rng(recipe.seed)
    if start is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            start = UNet(slices.images.shape[1], classes, recipe.features)
    network = start.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    per_epoch = len(slices) // recipe.batch_size
    steps = recipe.epochs * per_epoch
    warm = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        # A plain float, since the rate is part of the state.
        optimizer,
        lambda t: float(min((t + 1) / warm, 0.5 * (1 + np.cos(np.pi * min(t / steps, 1.0))))),
    )
    noise = torch.Generator().manual_seed(recipe.seed)
    begun = 0
    if resume is not None:
        begun = resume["epoch"]
        for part, name in ((network, "network"), (optimizer, "optimizer"), (schedule, "schedule")):
            part.load_state_dict(resume[name])
        rng.bit_generator.state = resume["order"]
        noise.set_state(resume["noise"])
    for epoch in range(begun + 1, recipe.epochs + 1):
        order = rng.permutation(len(slices))
        total = 0.0
        for first in range(0, per_epoch * recipe.batch_size, recipe.batch_size):
            batch = np.sort(order[first : first + recipe.batch_size])
            images = torch.from_numpy(slices.images[batch].astype(np.float32))
            target = torch.from_numpy(slices.classes[batch].astype(np.int64))
            # On the CPU, so that every device is given the same heads.
            images, target = augment(images, target, recipe, rng, noise)
            logits = network(images.to(device).contiguous(memory_format=torch.channels_last))
            loss = segmentation_loss(logits, target.to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        if epoch == recipe.epochs:
            network.cpu()
        state = {
            "epoch": epoch,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "order": rng.bit_generator.state,
            "noise": noise.get_state(),
        }
        yield EpochReport(epoch, recipe.epochs, total / per_epoch, network, state)


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice loss.

    Parameters
    ----------
    logits : float tensor [B, K, *size]
    target : int64 tensor [B, *size]

    Returns
    -------
    scalar tensor
        The Dice of each class but background is over the whole batch: most slices have no tumor, and one
        of their own would be all or nothing.
    """
    probability = logits.softmax(dim=1)[:, 1:]
    truth = F.one_hot(target, logits.shape[1]).movedim(-1, 1)[:, 1:].to(probability.dtype)
    over = (0, *range(2, logits.ndim))
    overlap, size = (probability * truth).sum(over), probability.sum(over) + truth.sum(over)
    dice = (2 * overlap + 1) / (size + 1)
    return F.cross_entropy(logits, target) + 1 - dice.mean()
