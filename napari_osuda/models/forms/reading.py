"""What every form of model gives: what it says of itself, what it leaves open, and the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from napari_osuda.models.card import ModelCard

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """A model that was read, before its open questions are answered.

    Attributes
    ----------
    form : str
        Name of the form, as messages and the saving of adapted models have it.
    said : dict
        Fields of :class:`ModelCard` that the files state.
    guessed : dict
        Fields that they leave open, with a default for each.
    sha256 : str
        Of the weights' file.
    network : callable
        From the finished card to the network: float32, CPU, eval mode.
    notes : tuple of str
        What the user should know of the choices made.
    native : callable or None
        From an adapted network to the bytes of a file as the weights came in; None where that is the native
        form anyway or cannot hold it.
    """

    form: str
    said: dict[str, Any]
    guessed: dict[str, Any]
    sha256: str
    network: Callable[[ModelCard], nn.Module]
    notes: tuple[str, ...] = field(default=())
    native: Callable[[nn.Module], bytes] | None = None
