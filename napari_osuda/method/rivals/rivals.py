"""Where the loop asks what a rival does otherwise; for OSUDA each answer is that of the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from napari_osuda.errors import ConfigError
from napari_osuda.method.config import AdaptationConfig
from napari_osuda.method.losses import Activation, pixel_entropy, self_entropy
from napari_osuda.method.outputs import probabilities
from napari_osuda.method.rivals.alignment import aligned_gradient
from napari_osuda.method.rivals.ensemble import StatisticsEnsemble
from napari_osuda.method.rivals.multiview import CLIP, MultiView
from napari_osuda.method.rivals.prompt import PromptedNetwork
from napari_osuda.method.rivals.sharpness import Recovery, reliable, sharpness_aware_gradient
from napari_osuda.method.rivals.terms import PredictionMemory, class_ratio_loss, memory_consistency_loss
from napari_osuda.method.rivals.views import AveragedViews

__all__ = ["Rivals", "check_divisible"]


def check_divisible(config: AdaptationConfig, processes: int) -> None:
    """Refuse settings of rivals that several processes cannot share: they need the whole batch's output.

    Raises
    ------
    ConfigError
        There is one.
    """
    for asked, name in (
        (config.class_ratio is not None, "class_ratio"),
        (config.consistency > 0.0, "consistency"),
        (config.entropy_margin is not None, "entropy_margin"),
        (config.gradient_alignment, "gradient_alignment"),
        (config.multi_view, "multi_view"),
        (config.sharpness > 0.0, "sharpness"),
    ):
        if asked and processes > 1:
            raise ConfigError(
                f"The setting {name} needs the whole batch in one process. Run this method without torchrun."
            )


class Rivals:
    """The terms and the steps of rivals, as far as the settings ask for them.

    Parameters
    ----------
    parameters : sequence of nn.Parameter
        The trained ones, as the source has them.
    config : AdaptationConfig
    activation : {"softmax", "sigmoid", "none"}
    source : nn.Module
        In eval mode, not trained yet.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        config: AdaptationConfig,
        activation: Activation,
        source: nn.Module,
    ) -> None:
        self._parameters, self._config, self._activation = parameters, config, activation
        self._memory = PredictionMemory(config.history)
        self._fresh: tuple[int, Tensor] | None = None
        self._recovery = Recovery(parameters, config.recovery) if config.recovery > 0.0 else None
        self._views = MultiView(source, activation) if config.multi_view else None

    @property
    def have_terms(self) -> bool:
        """Whether a rival adds a term to the objective."""
        return self._config.class_ratio is not None or self.know_batches

    @property
    def know_batches(self) -> bool:
        """Whether a term depends on which batch of its round it is of."""
        return self._config.consistency > 0.0 or self._config.multi_view

    def note_layer(self, y: Tensor) -> None:
        """Take note of what a BN layer gives: MuVi compares the deepest between views."""
        if self._views is not None:
            self._views.note_layer(y)

    def entropy(self, output: Tensor, among: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Eq. 6, and which pixels it is the mean of where it is not of all (SAR); 0 where there is none."""
        margin = self._config.entropy_margin
        if margin is None:
            return self_entropy(output, self._activation), None
        entropy = pixel_entropy(output, self._activation)
        sure = reliable(entropy, margin, self._classes(output))
        if among is not None:
            sure = sure & among
        return (entropy * sure).sum() / sure.sum().clamp_min(1), sure

    def terms(self, output: Tensor, index: int, batch: Tensor, predict: Callable[[Tensor], Tensor]) -> Tensor:
        """CRUDA's class ratio, the journal version's self-training, MuVi's views; 0 without them.

        ``index`` is the number of the batch in its round; the rest is as in :meth:`step`.
        """
        config, total = self._config, output.new_zeros((), dtype=torch.float32)
        if config.class_ratio is not None:
            if len(config.class_ratio) != output.shape[1]:
                raise ConfigError(
                    f"class_ratio has {len(config.class_ratio)} shares; the network has {output.shape[1]} "
                    "output channels, and each needs one."
                )
            divergence = class_ratio_loss(
                output, config.class_ratio, self._activation, config.class_ratio_tolerance
            )
            total = total + config.class_ratio_weight * divergence
        if config.consistency > 0.0:
            p = probabilities(output, self._activation)
            earlier = self._memory.recall(index)
            total = total + config.consistency * memory_consistency_loss(p, earlier, self._activation)
            self._fresh = index, p
        if self._views is not None:
            total = total + self._views.loss(output, index, batch, predict)
        return total

    def remember(self) -> None:
        """Note the predictions of the step's terms: the step is one that counts."""
        if self._fresh is not None:
            self._memory.note(*self._fresh)
            self._fresh = None

    def step(
        self,
        optimizer: torch.optim.Optimizer,
        batch: Tensor,
        predict: Callable[[Tensor], Tensor],
        lam: float,
        t: int,
        sure: Tensor | None = None,
    ) -> None:
        """The optimizer's step along the gradient that the parameters hold, or what a rival makes of it.

        Parameters
        ----------
        optimizer : torch.optim.Optimizer
        batch : Tensor, shape [B, C, ...]
        predict : callable
            From a batch to the network's output, on the statistics of this step.
        lam : float
            Weight of the entropy.
        t : int
            The iteration.
        sure : Tensor of bool, optional
            Pixels that the entropy was taken over.
        """
        config = self._config
        if config.gradient_alignment:
            generator = torch.Generator().manual_seed(config.seed + t)
            _, rate = aligned_gradient(self._parameters, batch, predict, self._activation, generator)
            with _scaled(optimizer, rate):
                optimizer.step()
            return
        if config.multi_view:
            nn.utils.clip_grad_norm_(self._parameters, CLIP)
        if config.sharpness == 0.0 or lam == 0.0:
            optimizer.step()
            return
        classes = 2

        def loss() -> Tensor:
            nonlocal classes
            output = predict(batch)
            classes = self._classes(output)
            return lam * self.entropy(output, sure)[0]

        there = sharpness_aware_gradient(self._parameters, config.sharpness, loss)
        optimizer.step()
        if self._recovery is not None and self._recovery.saw(float(there) / lam, classes):
            optimizer.state.clear()

    def wrapped(self, model: nn.Module, batches: Iterable[Tensor]) -> nn.Module:
        """The finished model, inside what a rival does at each prediction."""
        if self._config.test_time == "ensemble":
            return StatisticsEnsemble(model, self._activation)
        if self._config.test_time == "prompt":
            return PromptedNetwork(model, batches)
        return AveragedViews(model) if self._config.multi_view else model

    def forget_predictions(self) -> None:
        """From now on the batches are others."""
        self._memory = PredictionMemory(self._config.history)
        if self._views is not None:
            self._views.forget()

    def state_dict(self) -> dict[str, Any]:
        """What a later process needs to go on to the same bits."""
        return {
            "memory": {batch: list(seen) for batch, seen in self._memory.seen.items()},
            "average": None if self._recovery is None else self._recovery.average,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        device = next((p.device for p in self._parameters), torch.device("cpu"))
        for batch, seen in state["memory"].items():
            for p in seen:
                self._memory.note(batch, p.to(device))
        if self._recovery is not None:
            self._recovery.average = state.get("average")

    def _classes(self, output: Tensor) -> int:
        """Among how many a pixel is decided."""
        return 2 if self._activation == "sigmoid" else max(output.shape[1], 2)


@contextmanager
def _scaled(optimizer: torch.optim.Optimizer, factor: float) -> Iterator[None]:
    """The optimizer with its learning rate times ``factor``."""
    before = [group["lr"] for group in optimizer.param_groups]
    for group, rate in zip(optimizer.param_groups, before, strict=True):
        group["lr"] = rate * factor
    try:
        yield
    finally:
        for group, rate in zip(optimizer.param_groups, before, strict=True):
            group["lr"] = rate
