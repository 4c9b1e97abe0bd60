"""How long and how large the comparators are trained: the same for every one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_osuda.errors import ConfigError

__all__ = ["COMPARATORS", "SETTINGS", "Setting"]

COMPARATORS = ("cyclegan", "sifa", "seat", "dsfn", "upper-bound")
"""Their names on the bench."""


@dataclass(frozen=True)
class Setting:
    """What all comparators of a table are trained with.

    Attributes
    ----------
    iterations : int
        Batches of the source and as many of the target.
    batch_size : int
        Images of each of the two.
    width : int
        Channels of the translators' first layer; their middle has four times as many.
    blocks : int
        Residual blocks in the middle of a translator.
    discriminator_width : int
        Channels of the discriminators' first layer.
    discriminator_layers : int
        Convolutions between a discriminator's first and last.
    folds : int
        Of the patients that the upper bound is judged on; it is trained on the other folds.
    pool : int
        Translated images that the discriminators are shown again (Zhu et al., 2017: 50).
    half_precision : bool
        bfloat16 in the networks; the losses are float32 in any case.
    seed : int
        Of weights, order and variation.

    Raises
    ------
    ConfigError
        A figure is below what can be trained with.
    """

    iterations: int
    batch_size: int
    width: int
    blocks: int
    discriminator_width: int
    discriminator_layers: int = 3
    folds: int = 2
    pool: int = 50
    half_precision: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"folds": 2, "seed": 0, "pool": 0}
        for name, value in vars(self).items():
            if name != "half_precision" and value < least.get(name, 1):
                raise ConfigError(f"{name} is {value}; it must be {least.get(name, 1)} or more.")


SETTINGS: Mapping[str, Setting] = {
    "small": Setting(iterations=500, batch_size=4, width=8, blocks=4, discriminator_width=16),
    "full": Setting(iterations=20_000, batch_size=8, width=64, blocks=9, discriminator_width=64, folds=4),
}
"""Small: an hour or less for a protocol on two cores. Full: the papers' sizes, for a graphics card."""
