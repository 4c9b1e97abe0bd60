"""The closed list of where network classes may come from; nothing else is ever imported or called."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.models.architectures import nnunet
from napari_osuda.models.card import Architecture

__all__ = ["LIBRARIES", "Library", "build_network", "build_skeleton", "check_architecture", "installed"]


@dataclass(frozen=True)
class Library:
    """A module whose networks may be built.

    Attributes
    ----------
    module : str
        Where its public names are.
    install : str
        The command that brings it.
    functions : bool
        Whether its networks are made by functions too, and not by classes alone.
    stand_in : module, optional
        What has the networks in its place, so that it need not be imported.
    requires : callable, optional
        Imports what the stand-in needs.
    """

    module: str
    install: str
    functions: bool = False
    stand_in: Any = None
    requires: Callable[[], Any] | None = None


LIBRARIES: Mapping[str, Library] = {
    library.module: library
    for library in (
        Library("napari_osuda.networks", "pip install napari-osuda"),
        Library("monai.networks.nets", "pip install 'napari-osuda[monai]'"),
        Library("segmentation_models_pytorch", "pip install 'napari-osuda[smp]'"),
        Library("torchvision.models.segmentation", "pip install torchvision", functions=True),
        Library(
            "nnunetv2.utilities.get_network_from_plans",
            "pip install 'napari-osuda[nnunet]'",
            functions=True,
            stand_in=nnunet,
            requires=nnunet.networks_module,
        ),
    )
}

# Arguments by which networks fetch or read weights; ours come with the package, so these are off.
_NO_DOWNLOADS: Mapping[str, Any] = {
    "pretrained": False,
    "pretrained_url": None,
    "weights": None,
    "weights_backbone": None,
    "encoder_weights": None,
    "checkpoint": None,
    "progress": False,
}
_MAX_NUMBER = 100_000
_MAX_DEPTH = 6
_MAX_LENGTH = 512


def installed(architecture: Architecture) -> bool:
    """Whether the library that the network's class is from can be imported."""
    try:
        _module(architecture)
    except ModelError:
        return False
    return True


def check_architecture(architecture: Architecture) -> None:
    """Refuse a module outside the list and arguments that are not plain literals, importing nothing.

    Raises
    ------
    ModelError
        ``import_from`` is not in the list (which the sentence gives), or an argument is not a literal.
    """
    if architecture.import_from not in LIBRARIES:
        raise ModelError(
            f"weights.pytorch_state_dict.architecture.import_from is '{architecture.import_from}'; it must "
            f"be one of {', '.join(LIBRARIES)}. Nothing else is imported."
        )
    _check_literal(architecture.kwargs, "architecture.kwargs", 0)


def _check_literal(value: Any, where: str, depth: int) -> None:
    if isinstance(value, Mapping | list | tuple) and len(value) > _MAX_LENGTH:
        # Each entry can be a level of the network, which takes time to build even without memory.
        raise ModelError(f"{where} has {len(value):,} entries; more than {_MAX_LENGTH} are refused.")
    if depth > _MAX_DEPTH:
        raise ModelError(f"{where} is nested more than {_MAX_DEPTH} deep.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_literal(inner, f"{where}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            _check_literal(inner, f"{where}[{i}]", depth + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= _MAX_NUMBER:
            raise ModelError(f"{where} is {value}; numbers above {_MAX_NUMBER:,} are refused.")
    elif value is not None and not isinstance(value, bool | str):
        raise ModelError(
            f"{where} is a {type(value).__name__}; it must be a number, text, true, false, null or a list."
        )


def _module(architecture: Architecture) -> Any:
    check_architecture(architecture)
    library = LIBRARIES[architecture.import_from]
    try:
        if library.requires is not None:
            library.requires()
        return library.stand_in or importlib.import_module(library.module)
    except ImportError as error:
        raise ModelError(
            f"The network is {architecture}, but {error.name or library.module} is not installed: "
            f"{library.install}"
        ) from None


def _callable(architecture: Architecture) -> Any:
    module = _module(architecture)
    name = architecture.callable
    found = None if name.startswith("_") else getattr(module, name, None)
    if inspect.isclass(found) and issubclass(found, nn.Module):
        return found
    library = LIBRARIES[architecture.import_from]
    # A function of the list itself, not one that its module imported from elsewhere.
    if library.functions and inspect.isfunction(found) and found.__module__.startswith(module.__name__):
        return found
    raise ModelError(
        f"{library.module} has no network '{name}'. It has: {', '.join(_networks(library, module))}."
    )


def _networks(library: Library, module: Any) -> list[str]:
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (
            (inspect.isclass(value) and issubclass(value, nn.Module))
            or (
                library.functions
                and inspect.isfunction(value)
                and value.__module__.startswith(module.__name__)
            )
        )
    )


def build_network(architecture: Architecture) -> nn.Module:
    """The network, on the CPU, with random weights; torch's random state is left as it was.

    Raises
    ------
    ModelError
        The architecture is not of the closed list, its library is not installed (the sentence gives the
        command), or its arguments do not fit.
    """
    make = _callable(architecture)
    kwargs = _bound(make, architecture)
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # What a library says of its own arguments is not for the user of a finished model.
            warnings.simplefilter("ignore")
            network = make(**kwargs)
    except (ImportError, ModuleNotFoundError) as error:
        raise ModelError(
            f"{architecture} needs {error.name}, which is not installed: pip install {error.name}"
        ) from None
    except Exception as error:  # whatever a constructor makes of arguments that a stranger wrote
        raise ModelError(
            f"{architecture} cannot be built with {kwargs}: {error or type(error).__name__}"
        ) from None
    if not isinstance(network, nn.Module):
        raise ModelError(f"{architecture} makes a {type(network).__name__}, not a network.")
    return network


def build_skeleton(architecture: Architecture) -> nn.Module | None:
    """The network on the meta device: shapes without memory. None where its class cannot be built there."""
    make = _callable(architecture)
    kwargs = _bound(make, architecture)
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            skeleton = make(**kwargs)
    except Exception:
        # Some constructors compute with tensors, which have no values here; build_network says what is
        # wrong if anything is.
        return None
    return skeleton if isinstance(skeleton, nn.Module) else None


def _bound(make: Any, architecture: Architecture) -> dict[str, Any]:
    parameters = inspect.signature(make).parameters
    kwargs = dict(architecture.kwargs)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    unknown = [key for key in kwargs if key not in parameters]
    if unknown and not takes_any:
        named = [p for p in parameters if p not in _NO_DOWNLOADS]
        raise ModelError(f"{architecture} takes no argument '{unknown[0]}'; it takes {', '.join(named)}.")
    off = {key: value for key, value in _NO_DOWNLOADS.items() if key in parameters or key in kwargs}
    return {**kwargs, **off}
