"""The variants that the paper's tables name, and rivals, each a set of changes to the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from napari_osuda.errors import ConfigError
from napari_osuda.method.config import AdaptationConfig

__all__ = ["PRESETS", "Preset", "check_complete", "preset"]

_OSUDA = (
    "Liu et al., Adapting Off-the-Shelf Source Segmenter for Target Medical Image Segmentation, MICCAI 2021"
)
# A mask as the network gives it.
_PLAIN: dict[str, Any] = {"mirror": False, "second_look": False}
# What the defaults have beyond the published methods.
_AS_PUBLISHED: dict[str, Any] = {
    "contrast": "off",
    "minimum_head": 0.0,
    "pooled_slices": None,
    **_PLAIN,
    "fallback": False,
}
_TENT: dict[str, Any] = {
    "eta0": 0.0,
    "hbs": "off",
    "parameters": "affine",
    "lambda0": 1.0,
    "lambda_schedule": "constant",
    "learning_rate": 1e-3,
    "inference_statistics": "target",
    **_AS_PUBLISHED,
}


@dataclass(frozen=True)
class Preset:
    """A named method: what it does in a line, where it is from, what it changes in the settings.

    ``assumes_ratio``: it cannot do without ``class_ratio``.
    """

    name: str
    summary: str
    citation: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    assumes_ratio: bool = False


PRESETS: Mapping[str, Preset] = {
    p.name: p
    for p in (
        Preset("osuda", "Statistics decay to the target's, gamma and beta held, entropy minimized.", _OSUDA),
        Preset(
            "osuda-paper",
            "OSUDA with the paper's tau = 1 and statistics of the target alone.",
            _OSUDA,
            {
                "tau": 1.0,
                "iterations": 40,
                "inference_statistics": "target",
                **_AS_PUBLISHED,
            },
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
            "No adaptation: the source model as it is.",
            _OSUDA + ", row 'source only'",
            {"iterations": 0, "inference_statistics": "source", **_AS_PUBLISHED},
        ),
        Preset(
            "contrast-only",
            "The source model on the image with its contrast converted as physics expects; nothing else.",
            "Not from the literature: ours, 2026, to separate the effect of the map from that of the method",
            {"iterations": 0, "inference_statistics": "source", "contrast": "names", **_PLAIN},
        ),
        Preset(
            "curve",
            "The source model behind an intensity curve that is fitted to the image; nothing is trained.",
            "Not from the literature: ours, 2026. Related: Karani et al., Medical Image Analysis 2021, who "
            "fit a normalization network to a prior of masks",
            {"iterations": 0, "inference_statistics": "source", **_PLAIN},
        ),
        Preset(
            "adabn",
            "The source's statistics replaced by the target's, nothing trained.",
            "Li et al., Revisiting Batch Normalization For Practical Domain Adaptation, 2016",
            {"iterations": 0, "inference_statistics": "target", **_AS_PUBLISHED},
        ),
        Preset(
            "norm-prior",
            "Statistics of the target with the source's as a prior worth 16 slices, nothing trained.",
            "Schneider et al., Improving robustness against common corruptions by covariate shift "
            "adaptation, NeurIPS 2020",
            {
                "iterations": 0,
                "inference_statistics": "mixed",
                "source_count": 16,
                **_AS_PUBLISHED,
            },
        ),
        Preset(
            "tent",
            "Entropy alone minimized over gamma and beta, on statistics of the batch.",
            "Wang et al., Tent: Fully Test-Time Adaptation by Entropy Minimization, ICLR 2021",
            _TENT,
        ),
        Preset(
            "dua",
            "Statistics that move from the source's to the target's, ever slower; nothing trained.",
            "Mirza et al., The Norm Must Go On: Dynamic Unsupervised Domain Adaptation by Normalization, "
            "CVPR 2022",
            {
                "statistics": "momentum",
                "hbs": "off",
                "entropy": False,
                "inference_statistics": "running",
                **_AS_PUBLISHED,
            },
        ),
        Preset(
            "cruda",
            "Entropy and a class ratio that you give, or give with a tolerance; it is assumed to be right.",
            "Bateson et al., Source-Relaxed Domain Adaptation for Image Segmentation, MICCAI 2020",
            {
                "eta0": 0.0,
                "hbs": "off",
                "lambda0": 1.0,
                "lambda_schedule": "constant",
                "inference_statistics": "target",
                **_AS_PUBLISHED,
            },
            assumes_ratio=True,
        ),
        Preset(
            "sar",
            "Tent over reliable pixels and a flat minimum, with recovery from collapse.",
            "Niu et al., Towards Stable Test-Time Adaptation in Dynamic Wild World, ICLR 2023",
            {**_TENT, "entropy_margin": 0.4, "sharpness": 0.05, "recovery": 0.029},
        ),
        Preset(
            "grata",
            "Consistency under style changes and mirroring, as far as it agrees with the entropy.",
            "Chen et al., Gradient Alignment Improves Test-Time Adaptation for Medical Image Segmentation, "
            "AAAI 2025",
            {**_TENT, "gradient_alignment": True},
        ),
        Preset(
            "intent",
            "Predictions under six mixes of statistics, weighted by their entropy; nothing trained.",
            "Dong et al., Medical Image Segmentation with InTEnt: Integrated Entropy Weighting for Single "
            "Image Test-Time Adaptation, CVPR workshops 2024",
            {"iterations": 0, "inference_statistics": "source", "test_time": "ensemble", **_AS_PUBLISHED},
        ),
        Preset(
            "vptta",
            "A factor on each image's low frequencies, fitted to the stored statistics.",
            "Chen et al., Each Test Image Deserves A Specific Prompt: Continual Test-Time Adaptation for 2D "
            "Medical Image Segmentation, CVPR 2024",
            {"iterations": 0, "inference_statistics": "source", "test_time": "prompt", **_AS_PUBLISHED},
        ),
        Preset(
            "muvi",
            "One mask learned from several views of the image, with its axes exchanged.",
            "Joshi et al., Single Image Test-Time Adaptation via Multi-View Co-Training, MICCAI 2025",
            {
                "statistics": "momentum",
                "momentum": 0.0,
                "momentum_floor": 0.0,
                "hbs": "off",
                "entropy": False,
                "learning_rate": 1e-3,
                "optimizer": "sgd",
                "sgd_momentum": 0.99,
                "multi_view": True,
                "inference_statistics": "source",
                **_AS_PUBLISHED,
            },
        ),
        Preset(
            "osuda-mc",
            "OSUDA's journal version: eq. 4 weighted by exp(-gamma_K), memory-consistent self-training.",
            "Liu et al., Memory consistent unsupervised off-the-shelf model adaptation for source-relaxed "
            "medical image segmentation, Medical Image Analysis 2023",
            {"gamma_weighting": True, "consistency": 1.0},
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


def check_complete(name: str, config: AdaptationConfig) -> None:
    """Whether a method has been told what it cannot do without.

    Raises
    ------
    ConfigError
        "cruda" without the class ratio that it assumes to be known.
    """
    known = PRESETS.get(name)
    if known is not None and known.assumes_ratio and config.class_ratio is None:
        raise ConfigError(
            f"The method '{name}' assumes that you know which share of the pixels each class has, and does "
            "harm where it is wrong. Give it: class_ratio=0.97,0.03 (one share for each output channel), and "
            "where you know it roughly a class_ratio_tolerance (0.2: a fifth more or less costs nothing)."
        )
