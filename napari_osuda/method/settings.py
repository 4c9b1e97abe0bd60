"""The settings of one adaptation by name: those of the method, and those of the run that carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MethodSettings", "RunSettings"]


@dataclass(frozen=True)
class MethodSettings:
    """Settings of an adaptation (Liu et al., MICCAI 2021; what the paper leaves open is ours).

    The paper states eqs. 3 to 6, lambda falling linearly from 10 to 0, and no other value. The
    defaults here are ours; none is chosen by labels of the target in hand.

    Parameters
    ----------
    iterations : int
        T, fixed beforehand; an early stop never rescales a schedule. 0 replaces the statistics only.
    learning_rate : float
        Step size of the optimizer.
    optimizer : {"adam", "sgd"}
        Never with weight decay, which would pull gamma and beta to 0 instead of to the source.
    parameters : {"all", "affine"}
        Train all weights ("we fine-tune the model") or the BN layers' gamma and beta alone.
    eta0, tau : float
        Eq. 3: eta_t = eta0 exp(-t / tau). The paper is tau = 1.
    lambda0 : float
        Weight of the entropy at t = 0.
    lambda_schedule : {"linear", "constant"}
        Linear: lambda_t = lambda0 (1 - t / T), the paper's. Constant: for rivals such as Tent.
    channel_weighting : {"transferability", "uniform", "none"}
        alpha of eq. 4: as defined after eq. 5; 1 everywhere (OSUDA-AC); 0 everywhere (its other reading).
    entropy : bool
        Whether the self-entropy of eq. 6 is minimized (False: OSUDA-SE).
    hbs : {"sum", "proximal", "off"}
        Eq. 4 by its subgradient, the literal sum; by a soft-threshold step after the optimizer's; or not.
    inference_statistics : {"target", "mixed", "source", "running"}
        Which statistics the finished model stores: pooled over the target, those with the source as
        prior, the source's, or those that ``statistics`` "momentum" has arrived at.
    source_prior : float
        pi of "mixed": mu = pi mu_K + (1 - pi) mu_target, the variance likewise.
    source_count : int or None
        N, how many target slices the source counts for: pi = N / (N + n) with n slices in the target
        (Schneider et al., NeurIPS 2020), in place of ``source_prior``.
    statistics : {"mixed", "momentum"}
        Eq. 3, or DUA's moving average with the momentum ``rho_t + momentum_floor``, where
        ``rho_t = momentum_decay rho_t-1`` and ``rho_-1 = momentum`` (Mirza et al., CVPR 2022).
    momentum, momentum_decay, momentum_floor : float
        Of "momentum".
    class_ratio : tuple of float or None
        The share of pixels that each output channel is known to have; adds the KL divergence of the
        predicted share from it to the loss (Bateson et al., MICCAI 2020). It is knowledge about the target
        that the other methods do without.
    class_ratio_tolerance : float
        Relative deviation from ``class_ratio`` that costs nothing.
    class_ratio_weight : float
        Weight of that divergence.
    gamma_weighting : bool
        Weight each channel of eq. 4 by exp(-gamma_K) as well (the journal version, 2023).
    consistency : float
        Weight of the journal version's memory-consistent self-training; 0 leaves it out.
    history : int
        H, how many earlier predictions of a batch it remembers.
    entropy_margin : float or None
        SAR: only pixels whose entropy is below this share of log K count in eq. 6; None: all do.
    sharpness : float
        SAR's rho: the gradient is taken where the loss is largest within this distance of the weights; 0: at
        the weights.
    recovery : float
        SAR: back to the source's weights where the averaged entropy falls below this share of log K; 0:
        never.
    gradient_alignment : bool
        GraTa: learn from the consistency under changes of style and mirroring in place of the entropy, the
        more the two gradients agree.
    test_time : {"none", "ensemble", "prompt"}
        What is done at each prediction: InTEnt's ensemble over mixes of statistics, VPTTA's prompt. These
        give masks and no model to save.
    detach_statistics : bool
        Stop the gradient at the batch statistics.
    precision : {"auto", "float32", "bfloat16"}
        Of the network's own arithmetic in a step; statistics, distances and losses are float32 in any case.
        "auto": bfloat16 where the processor has instructions for it. The masks are predicted in float32.
    """

    iterations: int = 10
    learning_rate: float = 3e-5
    optimizer: Literal["adam", "sgd"] = "adam"
    parameters: Literal["all", "affine"] = "all"
    eta0: float = 1.0
    tau: float = 10.0
    lambda0: float = 10.0
    lambda_schedule: Literal["linear", "constant"] = "linear"
    channel_weighting: Literal["transferability", "uniform", "none"] = "transferability"
    entropy: bool = True
    hbs: Literal["sum", "proximal", "off"] = "sum"
    inference_statistics: Literal["target", "mixed", "source", "running"] = "mixed"
    source_prior: float = 0.9
    source_count: int | None = None
    statistics: Literal["mixed", "momentum"] = "mixed"
    momentum: float = 0.1
    momentum_decay: float = 0.94
    momentum_floor: float = 0.005
    class_ratio: tuple[float, ...] | None = None
    class_ratio_tolerance: float = 0.0
    class_ratio_weight: float = 1.0
    gamma_weighting: bool = False
    consistency: float = 0.0
    history: int = 3
    entropy_margin: float | None = None
    sharpness: float = 0.0
    recovery: float = 0.0
    gradient_alignment: bool = False
    test_time: Literal["none", "ensemble", "prompt"] = "none"
    detach_statistics: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"


@dataclass(frozen=True)
class RunSettings:
    """What the session that runs the method is told beside: batches, images, devices, the guard.

    Parameters
    ----------
    batch_size : int
        Slices (or patches) a step.
    contrast : {"off", "fitted", "names", "inverted", "fluid_bright", "both_bright"}
        "names": where an image's name says that it is of another contrast than the network's channel, its
        intensities go through the curve that physics expects between the two before the network sees them,
        unless mean d_lc clearly contradicts the name. "fitted": that curve, changed as far as the frozen
        source network becomes surer of its foreground by it. "inverted", "fluid_bright", "both_bright": that
        map, whatever the names. Carried out by the session. "off": the paper.
    minimum_head : float
        Slices (carried out by the session) with less of the head than this share of the largest slice's
        take no part in steps and statistics: at the poles a slice is nearly all air. 0 takes all.
    mirror : bool
        Average each prediction of the adapted model with that for the mirrored slice (left and right), where
        the images are like their mirror images. The adapted model's card carries it.
    threads : int or None
        CPU threads of torch; None leaves its setting.
    guard : bool
        Let label-free signals recommend the source mask where the adapted one is not to be trusted.
    fallback : bool
        Where the guard refuses the masks after training, judge those of iteration 0 (the target's
        statistics, nothing trained) as well, and make them the result if it accepts them.
    seed : int
        Order of the slices.
    """

    batch_size: int = 16
    contrast: Literal["off", "fitted", "names", "inverted", "fluid_bright", "both_bright"] = "fitted"
    minimum_head: float = 0.5
    mirror: bool = True
    threads: int | None = None
    guard: bool = True
    fallback: bool = True
    seed: int = 0
