"""What is inside a network, and whether OSUDA can adapt it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from napari_osuda.errors import NotAdaptableError
from napari_osuda.method import NormLayer, find_layers
from napari_osuda.models.architectures.probing import example_for, forward, smallest_size
from napari_osuda.models.forms.reading import Trust
from napari_osuda.models.loading import SourceModel, load_model
from napari_osuda.models.questions import ACCEPT_DEFAULTS

__all__ = ["Inspection", "check_adaptable", "inspect_model"]


@dataclass(frozen=True)
class Inspection:
    """What is inside a network.

    Attributes
    ----------
    name : str
        Of the model.
    form : str
        In which it came.
    parameters : int
        Elements of all trainable tensors.
    channels, output_channels : tuple of str
        Of the network.
    smallest_size : tuple of int or None
        Smallest edge among 8, 16, 32, ... pixels that works, found by trying; None: none does.
    layers : tuple of NormLayer
        The BN layers that a forward pass executes, in that order: those that would be adapted.
    norms : dict of str to tuple of str
        Names of the normalisation layers by class.
    found_layers, found_channels : int
        BN layers that are there, executed or not, and their channels.
    unexecuted : tuple of str
        BN layers that a forward pass never reaches.
    aliases : tuple of str
        Further names of BN layers that are listed more than once.
    without_affine, without_statistics : tuple of str
        BN layers without gamma and beta, or without running statistics.
    adaptable : bool
    reason : str
        Why (not), and what to do about it.
    notes : tuple of str
        Choices made in reading the model.
    """

    name: str
    form: str
    parameters: int
    channels: tuple[str, ...]
    output_channels: tuple[str, ...]
    smallest_size: tuple[int, ...] | None
    layers: tuple[NormLayer, ...]
    norms: dict[str, tuple[str, ...]]
    found_layers: int
    found_channels: int
    unexecuted: tuple[str, ...]
    aliases: tuple[str, ...]
    without_affine: tuple[str, ...]
    without_statistics: tuple[str, ...]
    adaptable: bool
    reason: str
    notes: tuple[str, ...] = ()

    @property
    def adapted_channels(self) -> int:
        """N, the channels of all layers that would be adapted."""
        return sum(layer.channels for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **dataclasses.asdict(self),
            "adapted_channels": self.adapted_channels,
            "share_adapted": self.share,
        }

    @property
    def share(self) -> float:
        """Which share of the normalisation layers are BatchNorm layers that would be adapted."""
        others = sum(len(names) for kind, names in self.norms.items() if "batch" not in kind.lower())
        return len(self.layers) / max(len(self.layers) + others, 1)

    def lines(self, names: int | None = 4) -> list[str]:
        """The same for people, a line each.

        Parameters
        ----------
        names : int or None
            How many layers of a kind are named; None names all.
        """
        size = " x ".join(str(n) for n in self.smallest_size) if self.smallest_size else "none of those tried"
        lines = [
            f"{self.name} ({self.form})",
            f"parameters          {self.parameters:,}",
            f"input channels      {len(self.channels)}: {', '.join(self.channels)}",
            f"output channels     {len(self.output_channels)}: {', '.join(self.output_channels)}",
            f"smallest size       {size}",
            *(
                f"norm layers         {len(found)} {kind}: {_some(found, names)}"
                for kind, found in self.norms.items()
            ),
            f"BN found            {self.found_layers} layers, {self.found_channels:,} channels",
            f"BN executed         {len(self.layers)} layers, {self.adapted_channels:,} channels",
        ]
        for title, found in (
            ("BN never executed", self.unexecuted),
            ("BN further names", self.aliases),
            ("BN without affine", self.without_affine),
            ("BN without stats", self.without_statistics),
        ):
            if found:
                lines.append(f"{title:<20}{len(found)}: {_some(found, names)}")
        lines.extend(f"note                {note}" for note in self.notes)
        lines.append(f"adaptable           {'yes' if self.adaptable else 'no'}. {self.reason}")
        return lines


def inspect_model(
    model: SourceModel | Path | str, *, trust: Trust = False, overrides: Mapping[str, Any] | None = None
) -> Inspection:
    """Look into a model, loaded or at a path.

    Parameters
    ----------
    model : SourceModel or path
        Of a path's open questions, those that ``overrides`` do not answer are taken at their defaults.
    trust, overrides
        As for :func:`napari_osuda.models.load_model`.

    Raises
    ------
    ModelError
        It cannot be loaded.
    """
    if not isinstance(model, SourceModel):
        model = load_model(model, trust=trust, overrides={ACCEPT_DEFAULTS: True, **(overrides or {})})
    network, card = model.network, model.card
    names = list(network.named_modules(remove_duplicate=False))
    first_names: dict[int, str] = {}
    aliases = []
    for name, module in names:
        if first_names.setdefault(id(module), name) != name and isinstance(module, _BatchNorm):
            aliases.append(name)
    unique = list(network.named_modules())
    norms: dict[str, list[str]] = {}
    for name, module in unique:
        if _is_norm(module):
            norms.setdefault(type(module).__name__, []).append(name)
    batch_norms = [(name, module) for name, module in unique if isinstance(module, _BatchNorm)]
    size = smallest_size(network, len(card.channels), card.spatial_dims)
    layers, adaptable, reason = _layers(model, size or card.minimum, norms)
    if layers and not norms:
        # A program has operations in the place of modules.
        norms["batch_norm"] = [layer.name for layer in layers]
    executed = {layer.name for layer in layers}
    return Inspection(
        name=card.name,
        form=model.form,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        channels=card.channels,
        output_channels=card.output_channels,
        smallest_size=size,
        layers=layers,
        norms={kind: tuple(found) for kind, found in norms.items()},
        found_layers=len(batch_norms) or len(layers),
        found_channels=sum(module.num_features for _, module in batch_norms)
        or sum(layer.channels for layer in layers),
        unexecuted=tuple(name for name, _ in batch_norms if layers and name not in executed),
        aliases=tuple(aliases),
        without_affine=tuple(name for name, module in batch_norms if not module.affine),
        without_statistics=tuple(name for name, module in batch_norms if module.running_mean is None),
        adaptable=adaptable,
        reason=reason,
        notes=model.notes,
    )


def _some(names: tuple[str, ...], most: int | None) -> str:
    shown = names if most is None else names[:most]
    return ", ".join(shown) + (", ..." if len(shown) < len(names) else "")


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, _BatchNorm) or ("Norm" in type(module).__name__ and not any(module.children()))


def _layers(
    model: SourceModel, size: tuple[int, ...], norms: Mapping[str, list[str]]
) -> tuple[tuple[NormLayer, ...], bool, str]:
    network, channels = model.network, len(model.card.channels)
    if forward(network, channels, size) is None:
        return (), False, "The network runs at none of the sizes tried, so its layers cannot be followed."
    try:
        layers = check_adaptable(model, example_for(network, channels, size))
    except NotAdaptableError as error:
        return (), False, str(error)
    others = {kind: len(names) for kind, names in norms.items() if "BatchNorm" not in kind}
    reason = f"{len(layers)} BatchNorm layers store the statistics of the source."
    if others:
        listed = ", ".join(f"{count} {kind}" for kind, count in others.items())
        share = len(layers) / (len(layers) + sum(others.values()))
        reason += f" They are {share:.0%} of its normalization layers; {listed} stay as they are."
    return layers, True, reason


def check_adaptable(model: SourceModel | nn.Module, example: Tensor) -> tuple[NormLayer, ...]:
    """The layers that would be adapted.

    Parameters
    ----------
    model : SourceModel or nn.Module
    example : Tensor, shape [B, C, H, W] or [B, C, D, H, W]
        One batch; its values do not matter.

    Raises
    ------
    NotAdaptableError
        There is none, or one without statistics; the sentence says what normalizes instead and where, and
        what to do about it where the model's form tells.
    """
    if not isinstance(model, SourceModel):
        return find_layers(model, example)
    try:
        return find_layers(model.network, example)
    except NotAdaptableError as error:
        raise NotAdaptableError(f"{error} {model.hint}".strip()) from None
