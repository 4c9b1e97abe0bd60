"""How a source model is trained."""

from __future__ import annotations

from dataclasses import dataclass

from napari_osuda.errors import ConfigError


@dataclass(frozen=True)
class Pace:
    """How fast and how long a network is trained.

    Attributes
    ----------
    epochs : int
        Passes over the slices, each in a new order.
    batch_size : int
    learning_rate : float
        Of AdamW at its height; it rises at first and then falls to 0 as a cosine.
    weight_decay : float
    seed : int
        Of weights, order and augmentation.

    Raises
    ------
    ConfigError
        There is no epoch, no slice in a batch, or the seed is below 0.
    """

    epochs: int = 10
    batch_size: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be {least} or more.")


@dataclass(frozen=True)
class Recipe(Pace):
    """How a source model is trained on skull-stripped heads.

    Attributes
    ----------
    features : tuple of int
        Of the `UNet`.
    flip : bool
        Mirror left and right at random: the heads of ``RAS`` axial slices along their rows.
    rotation, scale, shift : float
        Largest in-plane rotation (degrees), relative change of size, displacement (share of the image).
    gain, offset, gamma, noise : float
        Largest change of a channel's normalized intensities inside the head: factor, offset, exponent of
        its range, and standard deviation of added noise.
    """

    features: tuple[int, ...] = (8, 16, 32, 64, 128)
    flip: bool = True
    rotation: float = 10.0
    scale: float = 0.1
    shift: float = 0.04
    gain: float = 0.1
    offset: float = 0.1
    gamma: float = 0.15
    noise: float = 0.05
