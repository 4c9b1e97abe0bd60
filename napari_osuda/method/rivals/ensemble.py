"""InTEnt: predictions under several mixes of source and target statistics, weighted by their entropy.

Dong et al., Medical Image Segmentation with InTEnt: Integrated Entropy Weighting for Single Image Test-Time
Adaptation, CVPR workshops 2024. Nothing is trained, and what comes of it is no single network: see `Wrapped`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_osuda.method.losses import Activation, pixel_entropy
from napari_osuda.method.normalization import BatchNormCall, InterceptBatchNorm, mix, mixed_batch_norm
from napari_osuda.method.outputs import main_output, probabilities
from napari_osuda.method.rivals.wrapped import Wrapped

__all__ = ["StatisticsEnsemble", "balanced_entropy", "entropy_weights"]

_TINY = 1e-6
# Shares of the target's statistics: the source's, the target's, and four between, as published.
_MIXES = 6


class StatisticsEnsemble(Wrapped):
    """A network that predicts under mixes of its own and the image's statistics and averages what comes.

    Parameters
    ----------
    network : nn.Module
        The source network, in eval mode; it keeps its statistics.
    activation : {"softmax", "sigmoid", "none"}

    Notes
    -----
    As published, each image is a target of its own: the statistics are its own, and so are the weights.
    """

    def __init__(self, network: nn.Module, activation: Activation) -> None:
        super().__init__(network)
        self._activation: Activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, ...] to outputs [B, K, ...] whose probabilities are the weighted means."""
        return torch.cat([self._one(image[None]) for image in x])

    def _one(self, image: Tensor) -> Tensor:
        statistics = self._statistics(image)
        seen = [self._under(image, statistics, 1.0 - step / (_MIXES - 1)) for step in range(_MIXES)]
        p = torch.stack([probabilities(output, self._activation) for output in seen])
        doubt = torch.stack([balanced_entropy(output, self._activation) for output in seen])
        weight = entropy_weights(doubt.detach())
        mean = (p * weight.view(-1, *(1,) * (p.dim() - 1))).sum(dim=0)
        if self._activation == "softmax":
            return mean.clamp_min(_TINY).log()
        return torch.logit(mean, eps=_TINY) if self._activation == "sigmoid" else mean

    def _statistics(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Mean and variance of each layer's input, in the order of execution, as train mode finds them."""
        known, found = self.stored_means, list[tuple[Tensor, Tensor]]()

        def take(call: BatchNormCall) -> Tensor | None:
            if id(call.running_mean) not in known:
                return None
            y, statistics = mixed_batch_norm(call, 0.0)
            found.append(statistics)
            return y

        with InterceptBatchNorm(take):
            self.network(image)
        return found

    def _under(self, image: Tensor, statistics: list[tuple[Tensor, Tensor]], eta: float) -> Tensor:
        """The output with eta of the source's statistics and 1 - eta of the image's."""
        known, left = self.stored_means, iter(statistics)

        def use(call: BatchNormCall) -> Tensor | None:
            if call.running_mean is None or call.running_var is None or id(call.running_mean) not in known:
                return None
            mean, var = next(left)
            return torch.nn.functional.batch_norm(
                call.x, mix(call.running_mean, mean, eta), mix(call.running_var, var, eta),
                call.weight, call.bias, False, 0.0, call.eps,
            )  # fmt: skip

        with InterceptBatchNorm(use):
            return main_output(self.network(image))


def balanced_entropy(output: Tensor, activation: Activation) -> Tensor:
    """Entropy of one image in which foreground and background weigh alike, in nats: a scalar.

    Parameters
    ----------
    output : Tensor, shape [1, K, ...]
    activation : {"softmax", "sigmoid", "none"}

    Returns
    -------
    Tensor
        Mean of the mean entropies of foreground and of background pixels; of all pixels where there is no
        foreground. Independent channels are each taken so, and averaged.
    """
    entropy = pixel_entropy(output, activation)
    if activation == "sigmoid" or output.shape[1] == 1:
        p = probabilities(output, activation)
        entropy = entropy.view_as(p)
        halves = [_both_sides(e, q > 0.5) for e, q in zip(entropy[0], p[0], strict=True)]
        return torch.stack(halves).mean()
    return _both_sides(entropy[0], output[0].argmax(dim=0) != 0)


def _both_sides(entropy: Tensor, foreground: Tensor) -> Tensor:
    if not bool(foreground.any()) or bool(foreground.all()):
        return entropy.mean()
    return 0.5 * (entropy[foreground].mean() + entropy[~foreground].mean())


def entropy_weights(doubt: Tensor) -> Tensor:
    """Weights of predictions from their entropies: the softmax of these brought to 0 .. 1, surest highest."""
    spread = doubt.max() - doubt.min()
    if float(spread) == 0.0:
        return torch.full_like(doubt, 1.0 / len(doubt))
    return torch.softmax((doubt.max() - doubt) / spread, dim=0)
