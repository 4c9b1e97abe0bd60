"""The settings of the method itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_osuda.method.settings.declared import Group, Setting, described

__all__ = ["MethodSettings"]


@described
@dataclass(frozen=True)
class MethodSettings:
    """Settings of an adaptation (Liu et al., MICCAI 2021; what the paper leaves open is ours).

    The paper states eqs. 3 to 6, lambda falling linearly from 10 to 0, and no other value. The
    defaults here are ours; none is chosen by labels of the target in hand.
    """

    iterations: Annotated[
        int,
        Setting(
            "Iterations",
            Group.TRAINING,
            "T, fixed beforehand; an early stop never rescales a schedule. "
            "0 replaces the image statistics only.",
            low=0,
        ),
    ] = 10
    learning_rate: Annotated[
        float, Setting("Learning rate", Group.TRAINING, "Step size of the optimizer.", low=0, above=True)
    ] = 3e-5
    optimizer: Annotated[
        Literal["adam", "sgd"],
        Setting(
            "Optimizer",
            Group.TRAINING,
            "Never with weight decay, which would pull gamma and beta to 0 instead of to the source.",
            words=("Adam", "SGD"),
        ),
    ] = "adam"
    parameters: Annotated[
        Literal["all", "affine"],
        Setting(
            "Trained weights",
            Group.TRAINING,
            'Trains all weights ("we fine-tune the model"), or gamma and beta of the BN layers alone.',
            words=("All weights", "Gamma and beta only"),
        ),
    ] = "all"
    eta0: Annotated[
        float,
        Setting(
            "First share (eta0)",
            Group.STATISTICS,
            "Eq. 3: eta_t = eta0 exp(-t / tau), the share of the source statistics. It starts at eta0.",
            low=0,
            high=1,
        ),
    ] = 1.0
    tau: Annotated[
        float,
        Setting(
            "Decay (tau)",
            Group.STATISTICS,
            "Eq. 3: eta_t = eta0 exp(-t / tau). The paper is tau = 1.",
            low=0,
            above=True,
            unit="iterations",
        ),
    ] = 10.0
    lambda0: Annotated[
        float,
        Setting("Entropy weight", Group.LOSSES, "lambda0, the weight of the entropy at t = 0.", low=0),
    ] = 10.0
    lambda_schedule: Annotated[
        Literal["linear", "constant"],
        Setting(
            "Its schedule",
            Group.LOSSES,
            "Of the entropy's weight. Linear: lambda_t = lambda0 (1 - t / T), the paper's. "
            "Constant: for rivals such as Tent.",
            words=("Falls to 0", "Constant"),
        ),
    ] = "linear"
    channel_weighting: Annotated[
        Literal["transferability", "uniform", "none"],
        Setting(
            "Channel weights",
            Group.LOSSES,
            "alpha of eq. 4: as defined after eq. 5; 1 everywhere (OSUDA-AC); "
            "or 0 everywhere (its other reading).",
            words=("By transferability", "All 1", "All 0"),
        ),
    ] = "transferability"
    entropy: Annotated[
        bool,
        Setting("Entropy", Group.LOSSES, "Minimizes the self-entropy of eq. 6. Off: OSUDA-SE."),
    ] = True
    hbs: Annotated[
        Literal["sum", "proximal", "off"],
        Setting(
            "Gamma, beta (HBS)",
            Group.LOSSES,
            "Holds gamma and beta near the source's (eq. 4): by the subgradient of the literal sum, "
            "by a soft-threshold step after the optimizer's, or not.",
            words=("Sum", "Soft threshold", "Off"),
        ),
    ] = "sum"
    inference_statistics: Annotated[
        Literal["target", "mixed", "source", "running"],
        Setting(
            "Stored statistics",
            Group.STATISTICS,
            "Which statistics the adapted model stores. Target: pooled over its slices. "
            "Mixed: those with the source's as prior. "
            'Running: those that the moving average of "statistics" has arrived at.',
            words=("Target", "Mixed with source", "Source", "Running"),
        ),
    ] = "mixed"
    source_prior: Annotated[
        float,
        Setting(
            "Source share (pi)",
            Group.STATISTICS,
            "pi of the mixed statistics: mu = pi mu_K + (1 - pi) mu_target, the variance likewise.",
            low=0,
            high=1,
        ),
    ] = 0.9
    source_count: Annotated[
        int | None,
        Setting(
            "Source slices (N)",
            Group.STATISTICS,
            "How many target slices the source counts for: pi = N / (N + n) with n slices in the target. "
            "It takes the place of source_prior (Schneider et al., NeurIPS 2020).",
            low=0,
            unit="slices",
        ),
    ] = None
    statistics: Annotated[
        Literal["mixed", "momentum"],
        Setting(
            "Update",
            Group.STATISTICS,
            "Eq. 3, or the moving average of DUA with the momentum rho(t) + momentum_floor "
            "(Mirza et al., CVPR 2022).",
            words=("Eq. 3", "Moving average"),
        ),
    ] = "mixed"
    momentum: Annotated[
        float,
        Setting(
            "Momentum",
            Group.STATISTICS,
            "Of the moving average: rho(t) = momentum_decay rho(t - 1), and rho(-1) = momentum.",
            low=0,
            high=1,
        ),
    ] = 0.1
    momentum_decay: Annotated[
        float,
        Setting(
            "Momentum decay",
            Group.STATISTICS,
            "Of the moving average: rho(t) = momentum_decay rho(t - 1).",
            low=0,
            high=1,
        ),
    ] = 0.94
    momentum_floor: Annotated[
        float,
        Setting(
            "Momentum floor",
            Group.STATISTICS,
            "Of the moving average: the momentum is rho(t) + momentum_floor.",
            low=0,
            high=1,
        ),
    ] = 0.005
    class_ratio: Annotated[
        tuple[float, ...] | None,
        Setting(
            "Class ratio",
            Group.LOSSES,
            "The share of pixels that each output channel is known to have. "
            "Adds the KL divergence of the predicted share from it (Bateson et al., MICCAI 2020). "
            "It is knowledge about the target that the other methods do without.",
            low=0,
            high=1,
        ),
    ] = None
    class_ratio_tolerance: Annotated[
        float,
        Setting(
            "Ratio tolerance",
            Group.LOSSES,
            "Relative deviation from class_ratio that costs nothing.",
            low=0,
        ),
    ] = 0.0
    class_ratio_weight: Annotated[
        float, Setting("Ratio weight", Group.LOSSES, "Weight of the divergence from class_ratio.", low=0)
    ] = 1.0
    gamma_weighting: Annotated[
        bool,
        Setting(
            "Weight by gamma",
            Group.LOSSES,
            "Weights each channel of eq. 4 by exp(-gamma_K) as well (the journal version, 2023).",
        ),
    ] = False
    consistency: Annotated[
        float,
        Setting(
            "Consistency",
            Group.LOSSES,
            "Weight of the journal version's memory-consistent self-training; 0 leaves it out.",
            low=0,
        ),
    ] = 0.0
    history: Annotated[
        int,
        Setting(
            "Its history (H)",
            Group.LOSSES,
            "How many earlier predictions of a batch the consistency remembers.",
            low=1,
        ),
    ] = 3
    detach_statistics: Annotated[
        bool,
        Setting("Stop gradient", Group.STATISTICS, "Stops the gradient at the batch statistics."),
    ] = False
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Setting(
            "Precision",
            Group.TRAINING,
            "Of the network's own arithmetic; statistics, distances, losses and probabilities are float32. "
            "auto: bfloat16 where the processor has instructions for it.",
        ),
    ] = "auto"
