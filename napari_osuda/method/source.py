"""What the source model stored, and what a batch shows in its place: the two sides of eqs. 3 to 5."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_osuda.method.config import AdaptationConfig
from napari_osuda.method.layers import BoundLayer
from napari_osuda.method.losses import hbs_step
from napari_osuda.method.normalization import mix
from napari_osuda.method.statistics import Observed

__all__ = ["SourceStatistics"]


class SourceStatistics:
    """What the source model stored, all layers' channels joined: mu_K, var_K, gamma_K, beta_K."""

    def __init__(self, bound: tuple[BoundLayer, ...]) -> None:
        self.bound = bound
        self._stored = {id(layer.running_mean) for layer in bound}
        self.mean = torch.cat([layer.running_mean for layer in bound]).clone()
        self.var = torch.cat([layer.running_var for layer in bound]).clone()
        self.eps = torch.cat([torch.full_like(layer.running_var, layer.info.eps) for layer in bound])
        with torch.no_grad():
            gamma, beta = self.now()
            self.gamma, self.beta = gamma.clone(), beta.clone()

    def stores(self, running_mean: Tensor | None) -> bool:
        """Whether these are the running means of one of its layers."""
        return id(running_mean) in self._stored

    def now(self) -> tuple[Tensor, Tensor]:
        """gamma_t and beta_t, [N], differentiable; 1 and 0 where a layer has none."""
        return (
            torch.cat(
                [torch.ones_like(b.running_mean) if b.weight is None else b.weight for b in self.bound]
            ),
            torch.cat([torch.zeros_like(b.running_mean) if b.bias is None else b.bias for b in self.bound]),
        )

    def stored_now(self) -> tuple[Tensor, Tensor]:
        """The statistics that the layers hold at this moment, [N]."""
        return (
            torch.cat([layer.running_mean for layer in self.bound]),
            torch.cat([layer.running_var for layer in self.bound]),
        )

    def moved_by(self, config: AdaptationConfig) -> list[Tensor]:
        """The stored statistics that a forward pass moves; none unless the settings say so."""
        if config.statistics != "momentum":
            return []
        return [stored for layer in self.bound for stored in (layer.running_mean, layer.running_var)]

    def normalized_by(
        self, seen: tuple[Tensor, Tensor], eta: float, config: AdaptationConfig
    ) -> tuple[Tensor, Tensor]:
        """mu_t and var_t, [N]: the statistics of eq. 3 that a step has normalized by, from its batch's."""
        if config.statistics == "momentum":
            return self.stored_now()
        return mix(self.mean, seen[0], eta), mix(self.var, seen[1], eta)

    def gathered(self, observed: Observed) -> tuple[Tensor, Tensor]:
        """The batch's means and variances, [N]; the source's own where a layer did not run."""
        pairs = [
            observed.statistics.get(id(b.running_mean), (b.running_mean, b.running_var)) for b in self.bound
        ]
        return torch.cat([mean for mean, _ in pairs]), torch.cat([var for _, var in pairs])

    def by_name(self, model: nn.Module, statistics: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Means and variances, [N] each, taken apart by layer: [C], by the names of the model's buffers."""
        names = {id(tensor): name for name, tensor in model.state_dict(keep_vars=True).items()}
        found: dict[str, Tensor] = {}
        for layer in self.bound:
            channels = _channels(layer)
            for stored, joined in zip((layer.running_mean, layer.running_var), statistics, strict=True):
                if id(stored) in names:
                    found[names[id(stored)]] = joined[channels]
        return found

    def weight(self, alpha: Tensor, config: AdaptationConfig) -> Tensor:
        """What each channel's term weighs in eq. 4, [N]: 1 + alpha."""
        if config.hbs == "off":
            return torch.zeros_like(alpha)
        weight = 1.0 + alpha
        return weight * torch.exp(-self.gamma) if config.gamma_weighting else weight

    def shrink(self, weight: Tensor, learning_rate: float) -> None:
        """The proximal step of eq. 4 on every gamma and beta."""
        for layer in self.bound:
            channels = _channels(layer)
            if layer.weight is not None:
                hbs_step(layer.weight, self.gamma[channels], weight[channels], learning_rate)
            if layer.bias is not None:
                hbs_step(layer.bias, self.beta[channels], weight[channels], learning_rate)


def _channels(layer: BoundLayer) -> slice:
    """A layer's channels among those of all layers."""
    return slice(layer.info.offset, layer.info.offset + layer.info.channels)
