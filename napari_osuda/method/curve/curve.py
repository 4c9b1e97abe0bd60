"""An intensity curve for each channel: piecewise linear over the head, the air left as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_osuda.errors import ConfigError

__all__ = ["ChannelCurve", "IntensityCurve", "interpolate", "locate"]

Floats = npt.NDArray[np.float32]


def locate(values: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Where values [V] lie among knots [K], ascending: the knot before, and the share of the way to the next.

    Below the first knot the share is negative, beyond the last it is above 1: a curve goes on as it ends.
    """
    before = torch.searchsorted(x, values.contiguous(), right=True).sub_(1).clamp_(0, len(x) - 2)
    return before, (values - x[before]) / (x[before + 1] - x[before])


def interpolate(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The piecewise linear function through the knots (x, y), each [K], at values [V]."""
    before, share = locate(values, x)
    return torch.lerp(y[before], y[before + 1], share)


@dataclass(frozen=True)
class ChannelCurve:
    """The curve of one channel.

    Attributes
    ----------
    x : tuple of K float
        Knots, strictly ascending: normalized intensities of the image.
    y : tuple of K float
        What they become. Beyond the first and the last knot the end segments go on.

    Raises
    ------
    ConfigError
        The knots are fewer than two, not finite or not ascending.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or len(self.x) < 2:
            raise ConfigError(
                f"An intensity curve needs two knots or more, with a value for each; this one has "
                f"{len(self.x)} knots and {len(self.y)} values."
            )
        with np.errstate(over="ignore"):
            knots = np.asarray([self.x, self.y]).astype(np.float32)
        if not np.isfinite(knots).all() or not (np.diff(knots[0]) > 0).all():
            raise ConfigError("The knots of an intensity curve must be finite numbers in ascending order.")

    def __call__(self, values: Tensor) -> Tensor:
        """Intensities of the head, of any shape and floating dtype, through the curve."""
        x, y = (torch.tensor(k, dtype=values.dtype, device=values.device) for k in (self.x, self.y))
        return interpolate(values.flatten(), x, y).view(values.shape)


@dataclass(frozen=True)
class IntensityCurve:
    """A curve for each channel of a network.

    Attributes
    ----------
    channels : tuple of C ChannelCurve
    """

    channels: tuple[ChannelCurve, ...]

    def __call__(self, images: Tensor, heads: Tensor) -> Tensor:
        """Images [B, C, ...] with the curves put on the head, bool [B, ...]; what is not head stays."""
        out = images.clone()
        for c, curve in enumerate(self.channels):
            out[:, c][heads] = curve(images[:, c][heads])
        return out

    def to_dict(self) -> dict[str, Any]:
        """Plain lists: ``{"channels": [{"x": [...], "y": [...]}, ...]}``."""
        return {"channels": [{"x": list(c.x), "y": list(c.y)} for c in self.channels]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> IntensityCurve:
        """From :meth:`to_dict`.

        Raises
        ------
        ConfigError
            It is none.
        """
        try:
            return cls(tuple(_channel(c["x"], c["y"]) for c in plain["channels"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                "An intensity curve is written as channels, each with the lists x and y of its knots."
            ) from error


def _channel(x: Sequence[Any], y: Sequence[Any]) -> ChannelCurve:
    if isinstance(x, str) or isinstance(y, str):
        raise TypeError("a text is not a list of knots")
    return ChannelCurve(tuple(float(v) for v in x), tuple(float(v) for v in y))
