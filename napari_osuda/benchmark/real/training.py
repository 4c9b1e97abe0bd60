"""Train a source segmenter on real images: the plain good recipe, checkpointed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_osuda.benchmark.real.augmentation import Variation, vary
from napari_osuda.benchmark.training import EpochReport, TrainingSlices, segmentation_loss
from napari_osuda.networks import UNet

__all__ = ["RealRecipe", "train_real"]


@dataclass(frozen=True)
class RealRecipe:
    """How a source model is trained on real images.

    Attributes
    ----------
    epochs : int
        Each shows every image with a foreground once, and as many of the others, drawn by chance.
    batch_size : int
    learning_rate : float
        Of AdamW at its height; it rises over the first tenth of the steps and falls to 0 as a cosine.
    weight_decay : float
    features : tuple of int
        Of the `UNet`.
    variation : Variation
    seed : int
        Of weights, order and variation.
    """

    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    features: tuple[int, ...] = (16, 32, 64, 128, 128)
    variation: Variation = field(default_factory=Variation)
    seed: int = 0


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
    axes = slices.images.ndim - 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = UNet(slices.images.shape[1], classes, recipe.features, axes)
    layout = torch.channels_last if axes == 2 else torch.channels_last_3d
    network = network.to(device, memory_format=layout).train()  # type: ignore[call-overload]
    marked = slices.classes.any(axis=tuple(range(1, slices.classes.ndim)))
    per_epoch = len(_order(marked, np.random.default_rng(0))) // recipe.batch_size
    if not per_epoch:
        raise ValueError(f"{len(slices)} images do not fill a batch of {recipe.batch_size}.")
    steps = recipe.epochs * per_epoch
    warm = max(1, steps // 10)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda t: float(min((t + 1) / warm, 0.5 * (1 + np.cos(np.pi * min(t / steps, 1.0)))))
    )
    rng, draws = np.random.default_rng(recipe.seed), torch.Generator().manual_seed(recipe.seed)
    begun = 0
    if resume is not None:
        begun = resume["epoch"]
        for part, name in ((network, "network"), (optimizer, "optimizer"), (schedule, "schedule")):
            part.load_state_dict(resume[name])
        rng.bit_generator.state = resume["order"]
        draws.set_state(resume["draws"])
    for epoch in range(begun + 1, recipe.epochs + 1):
        order = _order(marked, rng)
        total = 0.0
        for first in range(0, per_epoch * recipe.batch_size, recipe.batch_size):
            batch = np.sort(order[first : first + recipe.batch_size])
            images = torch.from_numpy(slices.images[batch].astype(np.float32))
            target = torch.from_numpy(slices.classes[batch].astype(np.int64))
            images, target = vary(images, target, recipe.variation, draws)
            with torch.autocast(torch.device(device).type, torch.bfloat16):
                logits = network(images.to(device).contiguous(memory_format=layout))
            loss = segmentation_loss(logits.float(), target.to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        if epoch == recipe.epochs:
            network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        yield EpochReport(
            epoch,
            recipe.epochs,
            total / per_epoch,
            network,
            {
                "epoch": epoch,
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "order": rng.bit_generator.state,
                "draws": draws.get_state(),
            },
        )


def _order(marked: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.intp]:
    """The images of an epoch: all with a foreground, and as many of the others as they are, mixed."""
    with_it, without = np.flatnonzero(marked), np.flatnonzero(~marked)
    few = rng.permutation(without)[: max(len(with_it), 1)]
    return rng.permutation(np.concatenate([with_it, few]))
