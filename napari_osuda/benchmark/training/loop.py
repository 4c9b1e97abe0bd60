"""The loop that trains a network on slices or volumes, an epoch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from napari_osuda.benchmark.training.recipe import Pace
from napari_osuda.benchmark.training.slices import TrainingSlices
from napari_osuda.networks import UNet

__all__ = ["EpochReport", "segmentation_loss", "train"]

Vary = Callable[[Tensor, Tensor, np.random.Generator, torch.Generator], tuple[Tensor, Tensor]]


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
        What the training needs to go on from here: tensors and plain values, which training on changes.
    """

    epoch: int
    epochs: int
    loss: float
    network: UNet
    state: Mapping[str, Any]


def train(
    network: UNet,
    slices: TrainingSlices,
    pace: Pace,
    order: Callable[[np.random.Generator], NDArray[np.intp]],
    vary: Vary,
    *,
    warm: float = 0.05,
    precision: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    resume: Mapping[str, Any] | None = None,
) -> Iterator[EpochReport]:
    """Train a `UNet` in place, an epoch at a time as the caller asks.

    Parameters
    ----------
    network : UNet
    slices : TrainingSlices
        Images [N, C, h, w], or [N, C, d, h, w] of volumes.
    pace : Pace
    order : callable
        The images of an epoch, as many each time; what does not fill a batch at the end is left out.
    vary : callable
        What a batch is varied by, on the CPU, so that every device is given the same images.
    warm : float
        Share of the steps over which the rate rises; then it falls to 0 as a cosine.
    precision : torch.dtype
        Of the network's own arithmetic; the loss is float32 in any case.
    device : torch.device or str
    resume : mapping, optional
        An earlier report's ``state``.

    Yields
    ------
    EpochReport

    Raises
    ------
    ValueError
        An epoch does not fill a batch.
    """
    device = torch.device(device)
    per_epoch = len(order(np.random.default_rng(pace.seed))) // pace.batch_size
    if not per_epoch:
        raise ValueError(f"{len(slices)} images do not fill a batch of {pace.batch_size}.")
    layout = torch.channels_last if slices.images.ndim == 4 else torch.channels_last_3d
    network = network.to(device, memory_format=layout).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=pace.learning_rate, weight_decay=pace.weight_decay)
    steps = pace.epochs * per_epoch
    rising = max(1, int(steps * warm))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        # A plain float, since the rate is part of the state.
        optimizer,
        lambda t: float(min((t + 1) / rising, 0.5 * (1 + np.cos(np.pi * min(t / steps, 1.0))))),
    )
    rng, noise = np.random.default_rng(pace.seed), torch.Generator().manual_seed(pace.seed)
    parts: dict[str, Any] = {"network": network, "optimizer": optimizer, "schedule": schedule}
    begun = 0
    if resume is not None:
        begun = resume["epoch"]
        for name, part in parts.items():
            part.load_state_dict(resume[name])
        rng.bit_generator.state = resume["order"]
        noise.set_state(resume["noise"])
    for epoch in range(begun + 1, pace.epochs + 1):
        chosen = order(rng)
        total = 0.0
        for first in range(0, per_epoch * pace.batch_size, pace.batch_size):
            images, target = _batch(slices, chosen[first : first + pace.batch_size])
            images, target = vary(images, target, rng, noise)
            with nullcontext() if precision == torch.float32 else torch.autocast(device.type, precision):
                logits = network(images.to(device).contiguous(memory_format=layout))
            loss = segmentation_loss(logits.float(), target.to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        if epoch == pace.epochs:
            network.cpu()
        state = {
            "epoch": epoch,
            **{name: part.state_dict() for name, part in parts.items()},
            "order": rng.bit_generator.state,
            "noise": noise.get_state(),
        }
        yield EpochReport(epoch, pace.epochs, total / per_epoch, network, state)


def _batch(slices: TrainingSlices, chosen: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
    """Images and classes of the chosen slices, in the order of the file."""
    batch = np.sort(chosen)
    return (
        torch.from_numpy(slices.images[batch].astype(np.float32)),
        torch.from_numpy(slices.classes[batch].astype(np.int64)),
    )


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
