"""Which settings stand together in the list of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["GROUPS", "grouped"]

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Images": ("contrast", "minimum_head", "mirror"),
    "Training": (
        "iterations", "learning_rate", "optimizer", "parameters", "batch_size", "seed", "precision",
    ),
    "Image statistics": (
        "eta0", "tau", "statistics", "momentum", "momentum_decay", "momentum_floor", "inference_statistics",
        "source_prior", "source_count", "detach_statistics",
    ),
    "Losses": (
        "entropy", "lambda0", "lambda_schedule", "hbs", "channel_weighting", "gamma_weighting", "consistency",
        "history", "class_ratio", "class_ratio_tolerance", "class_ratio_weight",
    ),
    "Other methods": ("entropy_margin", "sharpness", "recovery", "gradient_alignment", "test_time"),
    "Safety and speed": ("guard", "fallback", "threads"),
}  # fmt: skip
"""Title to names of settings."""

_REST = "More"


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """The settings by group; those that no group names come last, so that none is out of reach.

    >>> grouped(["seed", "guard", "new"])
    {'Training': ['seed'], 'Safety and speed': ['guard'], 'More': ['new']}
    """
    known = list(names)
    found = {title: [name for name in members if name in known] for title, members in GROUPS.items()}
    listed = {name for members in GROUPS.values() for name in members}
    found[_REST] = [name for name in known if name not in listed]
    return {title: members for title, members in found.items() if members}
