"""The adaptation, step by step: L = L_HBS + lambda_t L_SE, the caller drives it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from napari_osuda.method import schedules
from napari_osuda.method.computing import arithmetic
from napari_osuda.method.computing.distributed import ALONE, Processes, Share
from napari_osuda.method.computing.finite import FiniteSteps
from napari_osuda.method.computing.queue import sent, timed
from napari_osuda.method.config import AdaptationConfig
from napari_osuda.method.layers import NormLayer, bind_layers
from napari_osuda.method.losses import Activation, hbs_loss
from napari_osuda.method.normalization import (
    BatchNormCall,
    InterceptBatchNorm,
    mixed_batch_norm,
    move_statistics,
)
from napari_osuda.method.outputs import class_fractions
from napari_osuda.method.report import StepReport
from napari_osuda.method.rivals import Rivals, check_divisible
from napari_osuda.method.source import SourceStatistics
from napari_osuda.method.statistics import Observed, source_share, store_pooled_statistics
from napari_osuda.method.training import cycle, first_of, optimizer, trained_parameters
from napari_osuda.method.transferability import WEIGHTINGS, distance

__all__ = ["Adaptation", "adapt"]


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
    processes : Processes
        Those that adapt it together.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: Iterable[Tensor],
        config: AdaptationConfig | None = None,
        *,
        activation: Activation = "softmax",
        processes: Processes = ALONE,
    ) -> None:
        self.config = config or AdaptationConfig()
        self.processes = processes
        check_divisible(self.config, processes.count)
        self.activation: Activation = activation
        self.batches = batches
        self.model = copy.deepcopy(model).eval()
        self.t = 0
        self.finished = False
        first = first_of(batches)
        self._device = next((p.device for p in self.model.parameters()), torch.device("cpu"))
        dtype = next((p.dtype for p in self.model.parameters()), torch.float32)
        self._precision = arithmetic.autocast_dtype(self.config.precision, self._device, dtype)
        arithmetic.compute_in(self.model, self._precision)
        with arithmetic.with_threads(self.config.threads):
            self._restore_layout = arithmetic.lay_out(self.model, first[:1].to(self._device), self._precision)
        self._bound = bind_layers(self.model, first[:1].to(self._device))
        self.layers: tuple[NormLayer, ...] = tuple(layer.info for layer in self._bound)
        # What the model's user asked of its parameters, given back with the finished model.
        self._required = {p: p.requires_grad for p in self.model.parameters()}
        self._source = SourceStatistics(self._bound)
        self._trained = trained_parameters(self.model, self._bound, self.config)
        self._optimizer = optimizer(self._trained, self.config)
        self._finite = FiniteSteps(self._optimizer, self._device, self.config.learning_rate)
        self._latest: StepReport | None = None
        self._stream = cycle(batches)
        self._rivals = Rivals(self._trained, self.config, activation, self.model)
        self._seen: tuple[Tensor, Tensor] | None = None
        # Few methods have to know when a batch comes round again.
        self._round = sum(1 for _ in batches) if self._rivals.know_batches else 1

    def __next__(self) -> StepReport:
        """One iteration; after the last, :meth:`finish`."""
        if self.finished or self.t >= self.config.iterations:
            self.finish()
            raise StopIteration
        with arithmetic.with_threads(self.config.threads):
            report = self._step()
        # Now that a GPU has more to do, waiting for the step before costs nothing.
        self.settle()
        self._latest = report
        return report

    def settle(self) -> None:
        """See to it that the last step counts; where a GPU is still at it, wait for that.

        Raises
        ------
        ModelError
            Its loss was not finite. It has changed nothing, and so it is the next one again.
        """
        report, self._latest = self._latest, None
        if report is not None:
            done, self.t = self.t, report.t
            self._finite.require(report.l_se, report.t)
            self.t = done

    def _step(self) -> StepReport:
        timing, config, t = timed(self._device), self.config, self.t
        source, rivals = self._source, self._rivals
        lam, eta = schedules.lam(t, config), schedules.source_share(t, config)
        share = self.processes.share(next(self._stream))
        batch, observed = sent(share.part, self._device), Observed()
        with self._finite.guarding(source.moved_by(config)):
            # Where the entropy weighs nothing, neither does its gradient: L_HBS does not see the output.
            with torch.set_grad_enabled(lam > 0.0 or rivals.have_terms):
                output = self._predict(batch, eta, observed, share)
                entropy, sure = rivals.entropy(output)
                l_other = rivals.terms(output, t % self._round, batch, lambda x: self._predict(x, eta))
            l_se = share.mean(entropy)
            # Before anything is changed: what is not finite would spoil the weights for good.
            self._finite.look(l_se, t)
        rivals.remember()
        self._seen = source.gathered(observed)
        mean_t, var_t = source.normalized_by(self._seen, eta, config)
        d = distance(source.mean, source.var, mean_t, var_t, source.eps)
        alpha = WEIGHTINGS[config.channel_weighting](d)
        with torch.enable_grad():
            gamma, beta = source.now()
            weight = source.weight(alpha, config)
            l_hbs = hbs_loss(gamma, beta, source.gamma, source.beta, weight)
            objective = l_other
            if lam > 0.0:
                objective = objective + lam * share.own * entropy
            if config.hbs == "sum":
                # Once, however many processes know it: their gradients are summed.
                objective = objective + l_hbs * float(self.processes.rank == 0)
        self._optimizer.zero_grad(set_to_none=True)
        if objective.requires_grad:
            objective.backward()  # type: ignore[no-untyped-call]
            self.processes.sum_gradients(self._trained)
            rivals.step(self._optimizer, batch, lambda x: self._predict(x, eta), lam, t, sure)
        if config.hbs == "proximal":
            with self._finite.guarding(self._trained):
                source.shrink(weight, config.learning_rate)
        self.t = t + 1
        return StepReport.of(
            t, eta, lam, timing, l_hbs=l_hbs, l_se=l_se, l_other=l_other, distance=d, alpha=alpha,
            gamma_shift=gamma - source.gamma, beta_shift=beta - source.beta,
            class_fractions=share.mean(class_fractions(output, self.activation)), dead=var_t < source.eps,
        )  # fmt: skip

    def _predict(
        self, batch: Tensor, eta: float, observed: Observed | None = None, share: Share | None = None
    ) -> Tensor:
        """The network's output on the statistics of eq. 3, noting those of the batch where it is asked to."""
        config, source = self.config, self._source

        def normalize(call: BatchNormCall) -> Tensor | None:
            if not source.stores(call.running_mean):
                return None
            y, (mean, var) = mixed_batch_norm(call, eta, config.detach_statistics, share)
            self._rivals.note_layer(y)
            if observed is not None:
                observed.add(id(call.running_mean), call.count, mean, var)
                if config.statistics == "momentum":
                    move_statistics(call, mean, var, eta)
            return y

        with InterceptBatchNorm(normalize):
            return arithmetic.output_of(self.model, batch)

    def finishing(
        self, pooled: Iterable[Tensor] | None = None, keep: Callable[[Tensor], None] | None = None
    ) -> Iterator[tuple[int, int]]:
        """As :meth:`finish`, giving work done and in all; statistics are ``pooled`` over a part, if given.

        ``keep`` is told what the finished model puts out for that part, where the pass gives it.
        """
        if self.finished:
            return
        self.settle()
        if (prior := self.source_share) < 1.0:
            part = self.batches if pooled is None else pooled
            yield from store_pooled_statistics(self.model, self._bound, part, prior, self.processes, keep)
        self._optimizer.zero_grad(set_to_none=True)
        for parameter, required in self._required.items():
            parameter.requires_grad_(required)
        self._restore_layout()
        self.model = self._rivals.wrapped(self.model, self.batches)
        self.finished = True

    @property
    def source_share(self) -> float:
        """Weight pi of what the layers store already in the statistics at inference; 1 leaves them."""
        return source_share(self.config, self.batches)

    def batch_statistics(self) -> dict[str, Tensor]:
        """Mean and biased variance [C] of each layer's input in the last step, by the names of its buffers.

        Empty before the first step.
        """
        return {} if self._seen is None else self._source.by_name(self.model, self._seen)

    def finish(self) -> nn.Module:
        """Store the statistics at inference (see ``inference_statistics``) and give the plain model.

        May be called before the last iteration: what has been reached is kept.
        """
        for _ in self.finishing():
            pass
        return self.model

    def rebatch(self, batches: Iterable[Tensor], batch_size: int) -> None:
        """Go on from where it is with the same target in batches of another size."""
        self.settle()
        self.config = self.config.replace(batch_size=batch_size)
        self.batches = batches
        self._stream = cycle(batches)
        self._rivals.forget_predictions()
        self._round = sum(1 for _ in batches)

    def state_dict(self) -> dict[str, Any]:
        """All that a later process needs to go on to the same bits: safe to load with ``weights_only``."""
        self.settle()
        return {
            "t": self.t,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            **self._rivals.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict` of an adaptation of the same model, target and settings."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.t = int(state["t"])
        self._rivals.load_state_dict(state)
        self._stream = cycle(self.batches)
        for _ in range(self.t):
            next(self._stream)


def adapt(
    model: nn.Module,
    batches: Iterable[Tensor],
    config: AdaptationConfig | None = None,
    *,
    activation: Activation = "softmax",
    processes: Processes = ALONE,
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
    processes : Processes
        Those that do this together, each with the same model, batches and settings.

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
    >>> from napari_osuda.networks import UNet
    >>> network = UNet(in_channels=1, out_channels=2, features=(4, 8)).eval()
    >>> adaptation = adapt(network, [torch.randn(2, 1, 16, 16)], AdaptationConfig(iterations=3))
    >>> [step.t for step in adaptation]
    [0, 1, 2]
    >>> adapted = adaptation.model
    """
    return Adaptation(model, batches, config, activation=activation, processes=processes)
