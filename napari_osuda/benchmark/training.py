"""Train a source segmenter the ordinary way: what a hospital would have on its shelf.

The recipe is that of the paper's source model, as far as the paper tells: its 2-D U-Net with BatchNorm on
128 x 128 axial slices. Loss (cross-entropy plus soft Dice), optimiser, rates and augmentation are ours, and
kept ordinary: the augmentation covers how heads are placed and how one scanner's gain varies, not other
scanners and contrasts, which are what adaptation is for.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from napari_osuda.benchmark.augmentation import augment
from napari_osuda.errors import ConfigError
from napari_osuda.imaging import Case, SliceSpec, SliceStack, case_from_arrays
from napari_osuda.networks import UNet

__all__ = [
    "EpochReport",
    "Recipe",
    "TrainingSlices",
    "average_networks",
    "segmentation_loss",
    "train_source",
    "training_slices",
]


@dataclass(frozen=True, eq=False)
class TrainingSlices:
    """Slices as the network sees them, with their classes.

    Attributes
    ----------
    images : float16 array [N, C, h, w]
        Normalised; half precision is finer than the noise of any MRI.
    classes : uint8 array [N, h, w]
        Index of the output channel.
    """

    images: NDArray[np.float16]
    classes: NDArray[np.uint8]

    @classmethod
    def join(cls, parts: Iterable[TrainingSlices]) -> TrainingSlices:
        """Put the slices of several patients together."""
        parts = list(parts)
        return cls(
            np.concatenate([part.images for part in parts]), np.concatenate([part.classes for part in parts])
        )

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Recipe:
    """How a source model is trained.

    Attributes
    ----------
    epochs : int
        Passes over the slices, each in a new order.
    batch_size : int
    learning_rate : float
        Of AdamW at its height; it rises over the first twentieth of the steps and falls to 0 as a cosine.
    weight_decay : float
    features : tuple of int
        Of the `UNet`.
    flip : bool
        Mirror left and right at random: the heads of ``RAS`` axial slices along their rows.
    rotation, scale, shift : float
        Largest in-plane rotation (degrees), relative change of size, displacement (share of the image).
    gain, offset, gamma, noise : float
        Largest change of a channel's normalised intensities inside the head: factor, offset, exponent of
        its range, and standard deviation of added noise.
    seed : int
        Of weights, order and augmentation.

    Raises
    ------
    ConfigError
        There is no epoch, no slice in a batch, or the seed is below 0.
    """

    epochs: int = 10
    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    features: tuple[int, ...] = (8, 16, 32, 64, 128)
    flip: bool = True
    rotation: float = 10.0
    scale: float = 0.1
    shift: float = 0.04
    gain: float = 0.1
    offset: float = 0.1
    gamma: float = 0.15
    noise: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be {least} or more.")


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


def training_slices(
    case: Case, labels: ArrayLike, spec: SliceSpec, classes: Mapping[int, int], every: int = 1
) -> TrainingSlices:
    """Cut a patient with a reference into slices, by the same way in as at adaptation.

    Parameters
    ----------
    case : Case
        Its channels in the network's order.
    labels : integer array [I, J, K]
        The reference on the case's grid.
    spec : SliceSpec
        How the network sees an MRI.
    classes : mapping of label value to output channel
        Every value that occurs; several values may be one class (the whole tumour).
    every : int
        Take every so many of the slices with a foreground.

    Raises
    ------
    ValueError
        A label value is not in ``classes``.
    """
    values = np.asarray(labels)
    unknown = set(np.unique(values).tolist()) - set(classes)
    if unknown:
        raise ValueError(
            f"Case {case.name} has the label {min(unknown)}, which has no class in {dict(classes)}."
        )
    stack = SliceStack(case, spec)
    chosen = np.flatnonzero(stack.foreground)[::every]
    # A label is resampled as the picture is: the class whose indicator is largest wins.
    of_class = {
        str(k): np.isin(values, [v for v, c in classes.items() if c == k]).astype(np.float32)
        for k in sorted(set(classes.values()))
    }
    indicators = SliceStack(
        case_from_arrays(case.name, of_class, case.grid),
        replace(spec, normalisation="none", intensity_maps=None),
    )
    share = indicators.slices(chosen)
    # Beyond the image every indicator is 0, and the first of equals is background.
    return TrainingSlices(stack.slices(chosen).astype(np.float16), share.argmax(axis=1).astype(np.uint8))


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
    logits : float tensor [B, K, H, W]
    target : int64 tensor [B, H, W]

    Returns
    -------
    scalar tensor
        The Dice of each class but background is over the whole batch: most slices have no tumour, and one
        of their own would be all or nothing.
    """
    probability = logits.softmax(dim=1)[:, 1:]
    truth = F.one_hot(target, logits.shape[1]).movedim(-1, 1)[:, 1:].to(probability.dtype)
    over = (0, 2, 3)
    overlap, size = (probability * truth).sum(over), probability.sum(over) + truth.sum(over)
    dice = (2 * overlap + 1) / (size + 1)
    return F.cross_entropy(logits, target) + 1 - dice.mean()


def average_networks(
    networks: Sequence[UNet], slices: TrainingSlices, batch_size: int = 32, seed: int = 0
) -> UNet:
    """Average the weights of networks, and gather the BatchNorm statistics of the average anew.

    Stochastic weight averaging (Izmailov et al., UAI 2018) over the ends of warm-restarted rounds. The
    statistics that the networks' own moving averages hold belong to none of the averaged weights; these are
    the mean over batches of all slices, once through in a fixed order (Wu & Johnson, 2021).

    Parameters
    ----------
    networks : sequence of UNet
        Of one architecture; left as they are.
    slices : TrainingSlices
        What they were trained on.
    batch_size : int
        Slices a batch of the statistics; a last one that is not full is left out.
    seed : int
        Order of the slices.

    Returns
    -------
    UNet
        In eval mode.
    """
    network = copy.deepcopy(networks[0])
    states = [other.state_dict() for other in networks]
    network.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).mean(0)
            if value.is_floating_point()
            else value
            for name, value in states[-1].items()
        }
    )
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        # None: the plain mean over all batches in place of a moving one.
        norm.momentum = None
    order = np.random.default_rng(seed).permutation(len(slices))
    network.train()
    with torch.inference_mode():
        for first in range(0, len(order) - batch_size + 1, batch_size):
            batch = slices.images[np.sort(order[first : first + batch_size])]
            network(torch.from_numpy(np.asarray(batch, np.float32)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()
