"""What every form of model gives: what it says of itself, what it leaves open, and the network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from napari_osuda.models.card import ModelCard

__all__ = ["Native", "Reading", "Trust"]

# Whether code may run: any, none, or that of files with these SHA-256.
Trust = bool | Collection[str]


@dataclass(frozen=True)
class Native:
    """The form in which the weights came, able to hold adapted ones: call it with a network for the bytes.

    Attributes
    ----------
    name : str
        Path of the file with the weights, in its package.
    contents : callable
        From an adapted network to the bytes of that file.
    beside : dict
        Other files that the form needs, unchanged, by their paths.
    """

    name: str
    contents: Callable[[nn.Module], bytes]
    beside: Mapping[str, bytes] = field(default_factory=dict)

    def __call__(self, network: nn.Module) -> bytes:
        """The file for ``network``."""
        return self.contents(network)


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
    native : Native or None
        How to write adapted weights as these came; None where that is a model folder anyway, or no form that
        can hold them.
    hint : str
        What to do where the network turns out not to be adaptable.
    """

    form: str
    said: dict[str, Any]
    guessed: dict[str, Any]
    sha256: str
    network: Callable[[ModelCard], nn.Module]
    notes: tuple[str, ...] = field(default=())
    native: Native | None = None
    hint: str = ""
