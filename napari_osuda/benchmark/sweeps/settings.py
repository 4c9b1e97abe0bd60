"""The settings that the sweeps try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Setting:
    """Settings of the adaptation to be tried, apart from the statistics at inference."""

    name: str
    changes: Mapping[str, Any]
    # Slices with less than this share of the largest slice's head take no part.
    head: float = 0.0
    # Whether other contrasts are mapped as their names tell.
    mapped: bool = False
    # Of the second sweep, around the defaults.
    around: bool = False
    # Of the third: how often each slice counts in the statistics.
    weigh: Literal["alike", "by head", "marked thrice"] | None = None


@dataclass(frozen=True)
class Inference:
    """Statistics at inference to be tried."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)


STATISTICS = (
    Inference("target", {"inference_statistics": "target"}),
    *(
        Inference(f"prior {prior:g}", {"inference_statistics": "mixed", "source_prior": prior})
        for prior in (0.25, 0.5, 0.75)
    ),
    Inference("source", {"inference_statistics": "source"}),
)


_NOTHING = {"iterations": 0}


_BASE = {"iterations": 20, "parameters": "all", "learning_rate": 1e-4, "batch_size": 16, "tau": 10.0}


SETTINGS = (
    Setting("statistics only", _NOTHING),
    Setting("statistics only, slices with half a head", _NOTHING, head=0.5),
    Setting("statistics only, contrast mapped", _NOTHING, mapped=True),
    Setting("all 1e-4, T = 20, contrast mapped", _BASE, mapped=True),
    Setting("statistics only, contrast mapped, half a head", _NOTHING, head=0.5, mapped=True),
    Setting("all 1e-4, T = 20, half a head", _BASE, head=0.5),
    # gamma and beta alone hardly move: L_HBS pins them.
    Setting("affine 1e-3, T = 20", _BASE | {"parameters": "affine", "learning_rate": 1e-3}),
    Setting("all 1e-4, T = 20", _BASE),
    Setting("all 3e-4, T = 20", _BASE | {"learning_rate": 3e-4}),
    Setting("all 1e-4, tau = 1", _BASE | {"tau": 1.0}),
    Setting("all 1e-4, lambda0 = 1", _BASE | {"lambda0": 1.0}),
    Setting("all 1e-4, T = 40", _BASE | {"iterations": 40}),
    Setting("all 1e-4, eta0 = 0.5", _BASE | {"eta0": 0.5}),
    Setting("all 1e-4, proximal", _BASE | {"hbs": "proximal"}),
    Setting("all 1e-4, batches of 8", _BASE | {"batch_size": 8}),
)


# As simulation chose them; real MRI has chosen fewer and smaller steps since (docs/defaults.md).
_DEFAULTS: dict[str, Any] = {
    "iterations": 20, "parameters": "all", "learning_rate": 1e-4, "batch_size": 16, "tau": 10.0, "eta0": 1.0,
    "lambda0": 10.0, "hbs": "sum",
}  # fmt: skip


AROUND = tuple(
    Setting(name, _DEFAULTS | changes, head=0.5, mapped=True, around=True)
    for name, changes in (
        ("defaults", {}),
        ("batches of 8", {"batch_size": 8}),
        ("batches of 32", {"batch_size": 32}),
        ("L_HBS proximal", {"hbs": "proximal"}),
        ("L_HBS off", {"hbs": "off"}),
        ("lambda0 = 1", {"lambda0": 1.0}),
        ("lambda0 = 30", {"lambda0": 30.0}),
        ("eta0 = 0.5", {"eta0": 0.5}),
        ("tau = 1", {"tau": 1.0}),
        ("T = 10", {"iterations": 10}),
        ("T = 40", {"iterations": 40}),
        ("learning rate 3e-4", {"learning_rate": 3e-4}),
        ("affine, 1e-3", {"parameters": "affine", "learning_rate": 1e-3}),
    )
)


WEIGHTS = (
    Setting("all slices", _NOTHING, mapped=True, weigh="alike"),
    Setting("half a head", _NOTHING, head=0.5, mapped=True, weigh="alike"),
    Setting("half a head, by head", _NOTHING, head=0.5, mapped=True, weigh="by head"),
    Setting("half a head, marked thrice", _NOTHING, head=0.5, mapped=True, weigh="marked thrice"),
)


# Training costs ten times what replacing statistics does: it is tried where the most is to be learned.
_TRAINED_ON = ("t2-to-flair", "other-scanner", "t2-no-shift")


_SHIFTS = (*_TRAINED_ON, "high-to-low-grade", "no-shift", "t2-to-t1ce", "t2-to-t1")


_MAPPED = ("t2-to-flair", "t2-to-t1", "t2-to-t1ce")


_FEW = ("target", "prior 0.5", "source")


_WEIGHED = ("target", "prior 0.5")


def statistics_of(setting: Setting) -> Sequence[str]:
    """Names of the statistics at inference that a setting is tried with."""
    if setting.weigh is not None:
        return _WEIGHED
    if setting.changes["iterations"]:
        return _FEW
    return [i.name for i in STATISTICS if setting.mapped or i.name != "source"]


def shifts_of(setting: Setting) -> Sequence[str]:
    """Protocols on which a setting is tried."""
    if setting.around:
        return _TRAINED_ON
    if setting.weigh is not None:
        return _SHIFTS
    return _MAPPED if setting.mapped else _TRAINED_ON if setting.changes["iterations"] else _SHIFTS
