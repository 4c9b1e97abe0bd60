"""The variants that the paper's tables name, and rivals, each a set of changes to the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from napari_osuda.errors import ConfigError
from napari_osuda.method.config import AdaptationConfig

__all__ = ["PRESETS", "Preset", "preset"]

_OSUDA = (
    "Liu et al., Adapting Off-the-Shelf Source Segmenter for Target Medical Image Segmentation, MICCAI 2021"
)


@dataclass(frozen=True)
class Preset:
    """A named method: what it does in a line, where it is from, what it changes in the settings."""

    name: str
    summary: str
    citation: str
    changes: Mapping[str, Any] = field(default_factory=dict)


PRESETS: Mapping[str, Preset] = {
    p.name: p
    for p in (
        Preset("osuda", "Statistics decay to the target's, gamma and beta held, entropy minimised.", _OSUDA),
        Preset(
            "osuda-paper",
            "OSUDA with the paper's tau = 1 and statistics of the target alone.",
            _OSUDA,
            {"tau": 1.0, "inference_statistics": "target"},
        ),
        Preset(
            "osuda-ac",
            "OSUDA without adaptive channel weighting: alpha = 1 everywhere.",
            _OSUDA + ", ablation -AC",
            {"channel_weighting": "uniform"},
        ),
        Preset(
            "osuda-se",
            "OSUDA without the self-entropy: the statistics move, no parameter does.",
            _OSUDA + ", ablation -SE",
            {"entropy": False},
        ),
        Preset(
            "source-only",
            "No adaptation: the source model as it came.",
            _OSUDA + ", row 'source only'",
            {"iterations": 0, "inference_statistics": "source"},
        ),
        Preset(
            "adabn",
            "The source's statistics replaced by the target's, nothing trained.",
            "Li et al., Revisiting Batch Normalization For Practical Domain Adaptation, 2016",
            {"iterations": 0, "inference_statistics": "target"},
        ),
    )
}


def preset(name: str, **changes: Any) -> AdaptationConfig:
    """The settings of a named method, some of them changed.

    Raises
    ------
    ConfigError
        There is no such method (those that there are get listed), or a change is unusable.
    """
    if name not in PRESETS:
        raise ConfigError(f"There is no method '{name}'. The methods are: {', '.join(PRESETS)}.")
    return AdaptationConfig().replace(**{**PRESETS[name].changes, **changes})
