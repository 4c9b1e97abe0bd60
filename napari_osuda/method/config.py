"""The settings of one adaptation, each a name of the paper's or of the field's."""

from __future__ import annotations

import dataclasses
import types
import typing
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from napari_osuda.errors import ConfigError

__all__ = ["AdaptationConfig", "MethodSettings", "RunSettings"]


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
        Eq. 3, or DUA's moving average with the momentum rho_t + momentum_floor, where
        rho_t = momentum_decay rho_t-1 and rho_-1 = momentum (Mirza et al., CVPR 2022).
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
    precision : {"float32", "bfloat16"}
        Of the network's own arithmetic; statistics, distances and losses are float32 in any case.
    """

    iterations: int = 20
    learning_rate: float = 1e-4
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
    source_prior: float = 0.5
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
    precision: Literal["float32", "bfloat16"] = "float32"


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
    threads: int | None = None
    guard: bool = True
    fallback: bool = True
    seed: int = 0


@dataclass(frozen=True)
class AdaptationConfig(RunSettings, MethodSettings):
    """All settings of an adaptation: `MethodSettings` of the method itself, `RunSettings` of the session.

    Raises
    ------
    ConfigError
        A value is out of its range or not of its type.
    """

    def __post_init__(self) -> None:
        for field, kind in _kinds().items():
            object.__setattr__(self, field, _checked(field, getattr(self, field), kind))
        _require(self.iterations >= 0, "iterations", self.iterations, "0 or more")
        _require(self.batch_size >= 1, "batch_size", self.batch_size, "1 or more")
        _require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        _require(0 <= self.eta0 <= 1, "eta0", self.eta0, "between 0 and 1")
        _require(self.tau > 0, "tau", self.tau, "above 0")
        _require(self.lambda0 >= 0, "lambda0", self.lambda0, "0 or more")
        _require(0 <= self.source_prior <= 1, "source_prior", self.source_prior, "between 0 and 1")
        _require(
            self.source_count is None or self.source_count >= 0,
            "source_count",
            self.source_count,
            "0 or more",
        )
        for name in ("momentum", "momentum_decay", "momentum_floor"):
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "between 0 and 1")
        ratio = self.class_ratio
        _require(
            ratio is None or all(0 <= r <= 1 for r in ratio), "class_ratio", ratio, "shares between 0 and 1"
        )
        for name in ("class_ratio_tolerance", "class_ratio_weight", "consistency"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        _require(0 <= self.minimum_head <= 1, "minimum_head", self.minimum_head, "between 0 and 1")
        for name in ("sharpness", "recovery"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        margin = self.entropy_margin
        _require(
            margin is None or 0 < margin <= 1, "entropy_margin", margin, "above 0 and at most 1, or none"
        )
        _require(self.history >= 1, "history", self.history, "1 or more")
        _require(
            self.threads is None or 1 <= self.threads <= 1024, "threads", self.threads, "1 to 1024, or none"
        )
        _require(0 <= self.seed < 2**32, "seed", self.seed, "0 to 4294967295")

    @property
    def changes_nothing(self) -> bool:
        """Whether what comes of it is the source model itself."""
        return self.iterations == 0 and self.inference_statistics == "source" and self.test_time == "none"

    @property
    def class_ratio_given(self) -> bool:
        """Whether the loss pulls the mask to a class ratio that was told."""
        return self.class_ratio is not None and self.class_ratio_weight > 0 and self.iterations > 0

    @classmethod
    def from_items(cls, items: Iterable[str], base: AdaptationConfig | None = None) -> AdaptationConfig:
        """Settings from ``KEY=VALUE`` texts laid over ``base``.

        Raises
        ------
        ConfigError
            A text is not KEY=VALUE, its key is unknown (the known ones are listed) or its value unusable.
        """
        changes: dict[str, object] = {}
        for item in items:
            key, equals, value = item.partition("=")
            if not equals:
                raise ConfigError(f"'{item}' is not KEY=VALUE, as in iterations=40.")
            changes[key.strip()] = value.strip()
        return (base or cls()).replace(**changes)

    def replace(self, **changes: Any) -> AdaptationConfig:
        """The same settings with some changed; values may be texts. Unknown keys raise ConfigError.

        Keys and values of earlier releases are read with a FutureWarning.
        """
        changes = _in_present_words(changes)
        unknown = sorted(set(changes) - set(_kinds()))
        if unknown:
            raise ConfigError(
                f"There is no setting '{unknown[0]}'. The settings are: {', '.join(sorted(_kinds()))}."
            )
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, in the order of the fields."""
        return dataclasses.asdict(self)


_RENAMED = {"go_back": "fallback"}
_RENAMED_VALUES = {("contrast", "turned"): "inverted"}


def _in_present_words(changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` with the keys and values of earlier releases put into those of today."""
    found: dict[str, Any] = {}
    for key, value in changes.items():
        name = _RENAMED.get(key, key)
        new = _RENAMED_VALUES.get((name, value), value) if isinstance(value, str) else value
        if name != key:
            warnings.warn(f"The setting '{key}' is called '{name}' now.", FutureWarning, stacklevel=4)
        if new != value:
            warnings.warn(f"{name}={value} is called {name}={new} now.", FutureWarning, stacklevel=4)
        found[name] = new
    return found


def _kinds() -> Mapping[str, Any]:
    return typing.get_type_hints(AdaptationConfig)


def _require(holds: bool, field: str, value: object, rule: str) -> None:
    if not holds:
        raise ConfigError(f"{field} is {value}; it must be {rule}.")


def _checked(field: str, value: object, kind: Any) -> object:
    """``value`` as the field's type; texts are read, since the command line has nothing else."""
    if typing.get_origin(kind) is types.UnionType:
        if value is None or str(value).strip().lower() in ("none", ""):
            return None
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    if typing.get_origin(kind) is Literal:
        allowed = typing.get_args(kind)
        if value in allowed:
            return value
        raise ConfigError(f"{field} is '{value}'; it must be one of {', '.join(allowed)}.")
    if typing.get_origin(kind) is tuple:
        parts = value.strip("()[] ").split(",") if isinstance(value, str) else list(typing.cast("Any", value))
        return tuple(_checked(field, part, float) for part in parts)
    if kind is bool:
        truth = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() in truth:
            return truth[str(value).lower()]
        raise ConfigError(f"{field} is '{value}'; it must be true or false.")
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    finite = number - number == 0
    if isinstance(value, bool) or not finite or (kind is int and number != int(number)):
        raise ConfigError(f"{field} is '{value}'; it must be a{' whole' if kind is int else ''} number.")
    return kind(number)
