"""The adaptation, step by step: L = L_HBS + lambda_t L_SE, the caller drives it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from napari_osuda.errors import CaseError, ConfigError, ModelError
from napari_osuda.method import schedules
from napari_osuda.method.config import AdaptationConfig
from napari_osuda.method.layers import BoundLayer, NormLayer, bind_layers
from napari_osuda.method.losses import Activation, hbs_loss, hbs_step, self_entropy
from napari_osuda.method.normalization import BatchNormCall, Normalization, mix, mixed_batch_norm
from napari_osuda.method.outputs import class_fractions, main_output
from napari_osuda.method.statistics import store_pooled_statistics
from napari_osuda.method.transferability import distance, transferability

__all__ = ["Adaptation", "StepReport", "adapt"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StepReport:
    """What one iteration found, measured before its update.

    Attributes
    ----------
    t : int
        Iteration, from 0.
    eta, lam : float
        Eq. 3's share of the source; the entropy's weight.
    l_hbs, l_se, loss : float
        Eqs. 4 and 6 unweighted (entropy in nats), and l_hbs + lam * l_se.
    distance, alpha : ndarray, shape [N], float32
        Eq. 5 and the transferability, layers in the order of execution.
    gamma_shift, beta_shift : ndarray, shape [N], float32
        gamma_t - gamma_K and beta_t - beta_K; 0 where a layer has none.
    class_fractions : ndarray, shape [K], float32
        Share of the batch's pixels that each class claims.
    dead_channels : int
        Channels whose mixed variance is below their eps.
    seconds : float
        Wall time of the step.
    """

    t: int
    eta: float
    lam: float
    l_hbs: float
    l_se: float
    loss: float
    distance: FloatArray
    alpha: FloatArray
    gamma_shift: FloatArray
    beta_shift: FloatArray
    class_fractions: FloatArray
    dead_channels: int
    seconds: float


_WEIGHTING: Mapping[str, Callable[[Tensor], Tensor]] = {
    "transferability": transferability,
    "uniform": torch.ones_like,
    "none": torch.zeros_like,
}


class Adaptation(Iterator[StepReport]):
    """An adaptation under way: iterate over it to drive it.

    Attributes
    ----------
    model : nn.Module
        The copy that is being adapted, in eval mode; plain at any time. Its statistics are the source's
        until :meth:`finish`.
    layers : tuple of NormLayer
        Its BN layers, in the order of ``StepReport.distance``.
    t : int
        Iterations done.
    finished : bool
        Whether the statistics at inference stand in the model.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Iterable[Tensor],
        config: AdaptationConfig | None = None,
        *,
        activation: Activation = "softmax",
    ) -> None:
        self.config = config or AdaptationConfig()
        self.activation: Activation = activation
        self.batches = batches
        self.model = copy.deepcopy(model).eval()
        self.t = 0
        self.finished = False
        if iter(batches) is batches:
            raise ConfigError(
                "The batches must be re-iterable, such as a list: they are gone through many times."
            )
        first = next(iter(batches), None)
        if first is None or first.numel() == 0:
            raise CaseError("There is nothing to adapt to: the target holds no slice with brain in it.")
        self._device = next((p.device for p in self.model.parameters()), torch.device("cpu"))
        self._bound = bind_layers(self.model, first[:1].to(self._device))
        self.layers: tuple[NormLayer, ...] = tuple(layer.info for layer in self._bound)
        # What the model's user asked of its parameters, given back with the finished model.
        self._required = {p: p.requires_grad for p in self.model.parameters()}
        self._source = _Source(self._bound)
        self._trained = _trained(self.model, self._bound, self.config)
        self._optimizer = _optimizer(self._trained, self.config)
        self._stream = _cycle(batches)

    def __next__(self) -> StepReport:
        """One iteration; after the last, :meth:`finish`."""
        if self.finished or self.t >= self.config.iterations:
            self.finish()
            raise StopIteration
        return self._step()

    def _step(self) -> StepReport:
        began = time.perf_counter()
        config, t, source = self.config, self.t, self._source
        eta, lam = schedules.eta(t, config), schedules.lam(t, config)

        observed = _Observed()

        def normalize(call: BatchNormCall) -> Tensor | None:
            if id(call.running_mean) not in source.places:
                return None
            y, (mean, var) = mixed_batch_norm(call, eta, config.detach_statistics)
            observed.add(id(call.running_mean), call.count, mean, var)
            return y

        batch = next(self._stream).to(self._device)
        precision = torch.autocast(self._device.type, torch.bfloat16, enabled=config.precision == "bfloat16")
        # Where the entropy weighs nothing, neither does its gradient: L_HBS does not see the output.
        with torch.set_grad_enabled(lam > 0.0), Normalization(normalize):
            with precision:
                output = main_output(self.model(batch))
            l_se = self_entropy(output, self.activation)
        if not bool(torch.isfinite(l_se)):
            raise ModelError(
                f"The network's output is not finite at iteration {t}: the target's intensities or the "
                f"learning rate ({config.learning_rate:g}) are out of its range. Try a smaller learning_rate."
            )

        batch_mean, batch_var = source.gathered(observed)
        mu_t, var_t = mix(source.mean, batch_mean, eta), mix(source.var, batch_var, eta)
        d = distance(source.mean, source.var, mu_t, var_t, source.eps)
        alpha = _WEIGHTING[config.channel_weighting](d)
        with torch.enable_grad():
            gamma, beta = source.now()
            l_hbs = hbs_loss(gamma, beta, source.gamma, source.beta, alpha)

            objective = torch.zeros_like(l_hbs)
            if lam > 0.0:
                objective = objective + lam * l_se
            if config.hbs == "sum":
                objective = objective + l_hbs

        self._optimizer.zero_grad(set_to_none=True)
        if objective.requires_grad:
            objective.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
        if config.hbs == "proximal":
            source.shrink(alpha, config.learning_rate)
        self.t = t + 1
        return StepReport(
            t=t,
            eta=eta,
            lam=lam,
            l_hbs=l_hbs.item(),
            l_se=l_se.item(),
            loss=l_hbs.item() + lam * l_se.item(),
            distance=_numpy(d),
            alpha=_numpy(alpha),
            gamma_shift=_numpy(gamma - source.gamma),
            beta_shift=_numpy(beta - source.beta),
            class_fractions=_numpy(class_fractions(output, self.activation)),
            dead_channels=int((var_t < source.eps).sum()),
            seconds=time.perf_counter() - began,
        )

    def finishing(self) -> Iterator[tuple[int, int]]:
        """As :meth:`finish`, giving work done and work in all between its parts."""
        if self.finished:
            return
        prior = {"target": 0.0, "mixed": self.config.source_prior, "source": 1.0}[
            self.config.inference_statistics
        ]
        if prior < 1.0:
            yield from store_pooled_statistics(self.model, self._bound, self.batches, prior)
        self._optimizer.zero_grad(set_to_none=True)
        for parameter, required in self._required.items():
            parameter.requires_grad_(required)
        self.finished = True

    def finish(self) -> nn.Module:
        """Store the statistics at inference (see ``inference_statistics``) and give the plain model.

        May be called before the last iteration: what has been reached is kept.
        """
        for _ in self.finishing():
            pass
        return self.model

    def state_dict(self) -> dict[str, Any]:
        """All that a later process needs to go on to the same bits: safe to load with ``weights_only``."""
        return {
            "t": self.t,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict` of an adaptation of the same model, target and settings."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.t = int(state["t"])
        self._stream = _cycle(self.batches)
        for _ in range(self.t):
            next(self._stream)


def adapt(
    model: nn.Module,
    batches: Iterable[Tensor],
    config: AdaptationConfig | None = None,
    *,
    activation: Activation = "softmax",
) -> Adaptation:
    """Adapt a copy of ``model`` to a target, without source data and without labels.

    Parameters
    ----------
    model : nn.Module
        Any network with BatchNorm that stores running statistics. It is left as it is.
    batches : re-iterable of Tensor
        The target: float [B, C, H, W] or [B, C, D, H, W], gone through as often as the iterations need.
    config : AdaptationConfig, optional
        Settings; see also :func:`napari_osuda.method.preset`.
    activation : {"softmax", "sigmoid", "none"}
        What turns the network's output into probabilities.

    Returns
    -------
    Adaptation
        An iterator of :class:`StepReport`; when it is exhausted its ``model`` is the adapted one.

    Raises
    ------
    NotAdaptableError
        The network has no BN statistics of the source.
    CaseError
        The target is empty.

    Examples
    --------
    >>> adaptation = adapt(network, batches, AdaptationConfig(iterations=40))  # doctest: +SKIP
    >>> for step in adaptation:  # doctest: +SKIP
    ...     print(step.t, step.l_hbs, step.l_se)
    >>> adapted = adaptation.model  # doctest: +SKIP
    """
    return Adaptation(model, batches, config, activation=activation)


class _Observed:
    """The batch statistics of each layer in one forward pass, pooled where a layer runs several times."""

    def __init__(self) -> None:
        self.statistics: dict[int, tuple[Tensor, Tensor]] = {}
        self.counts: dict[int, int] = {}

    def add(self, key: int, count: int, mean: Tensor, var: Tensor) -> None:
        if key in self.statistics:
            before_mean, before_var = self.statistics[key]
            share = count / (self.counts[key] + count)
            delta = mean - before_mean
            mean = before_mean + share * delta
            var = torch.lerp(before_var, var, share) + share * (1.0 - share) * delta.square()
        self.statistics[key] = (mean, var)
        self.counts[key] = self.counts.get(key, 0) + count


class _Source:
    """What the source model stored, all layers' channels joined: mu_K, var_K, gamma_K, beta_K."""

    def __init__(self, bound: tuple[BoundLayer, ...]) -> None:
        self.bound = bound
        self.places = {id(layer.running_mean): layer.info for layer in bound}
        self.mean = torch.cat([layer.running_mean for layer in bound]).clone()
        self.var = torch.cat([layer.running_var for layer in bound]).clone()
        self.eps = torch.cat([torch.full_like(layer.running_var, layer.info.eps) for layer in bound])
        with torch.no_grad():
            gamma, beta = self.now()
            self.gamma, self.beta = gamma.clone(), beta.clone()

    def now(self) -> tuple[Tensor, Tensor]:
        """gamma_t and beta_t, [N], differentiable; 1 and 0 where a layer has none."""
        return (
            torch.cat(
                [torch.ones_like(b.running_mean) if b.weight is None else b.weight for b in self.bound]
            ),
            torch.cat([torch.zeros_like(b.running_mean) if b.bias is None else b.bias for b in self.bound]),
        )

    def gathered(self, observed: _Observed) -> tuple[Tensor, Tensor]:
        """The batch's means and variances, [N]; the source's own where a layer did not run."""
        pairs = [
            observed.statistics.get(id(b.running_mean), (b.running_mean, b.running_var)) for b in self.bound
        ]
        return torch.cat([mean for mean, _ in pairs]), torch.cat([var for _, var in pairs])

    def shrink(self, alpha: Tensor, learning_rate: float) -> None:
        """The proximal step of eq. 4 on every gamma and beta."""
        for layer in self.bound:
            place = slice(layer.info.offset, layer.info.offset + layer.info.channels)
            if layer.weight is not None:
                hbs_step(layer.weight, self.gamma[place], alpha[place], learning_rate)
            if layer.bias is not None:
                hbs_step(layer.bias, self.beta[place], alpha[place], learning_rate)


def _trained(model: nn.Module, bound: tuple[BoundLayer, ...], config: AdaptationConfig) -> list[nn.Parameter]:
    affine = {id(p) for layer in bound for p in (layer.weight, layer.bias)}
    chosen = [p for p in model.parameters() if config.parameters == "all" or id(p) in affine]
    model.requires_grad_(False)
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def _optimizer(parameters: list[nn.Parameter], config: AdaptationConfig) -> torch.optim.Optimizer:
    # A network without gamma and beta has nothing to train under parameters="affine"; its statistics move.
    parameters = parameters or [nn.Parameter(torch.zeros(()))]
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.SGD
    return kind(parameters, lr=config.learning_rate, weight_decay=0.0)


def _cycle(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    while True:
        yield from batches


def _numpy(values: Tensor) -> FloatArray:
    return np.asarray(values.detach().float().cpu().numpy(), dtype=np.float32)
