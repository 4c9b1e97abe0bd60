"""The closed list of where network classes may come from; nothing else is ever imported or called."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from napari_osuda.errors import ModelError, shown
from napari_osuda.models.architectures import nnunet
from napari_osuda.models.architectures.budget import Budget
from napari_osuda.models.architectures.checked_arguments import checked_arguments
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
    stand_in : module, optional
        What has the networks in its place, so that it need not be imported.
    requires : callable, optional
        Imports what the stand-in needs.
    """

    module: str
    install: str
    stand_in: Any = None
    requires: Callable[[], Any] | None = None


LIBRARIES: Mapping[str, Library] = {
    library.module: library
    for library in (
        Library("napari_osuda.networks", "pip install napari-osuda"),
        Library("monai.networks.nets", "pip install 'napari-osuda[monai]'"),
        Library("segmentation_models_pytorch", "pip install 'napari-osuda[smp]'"),
        Library("torchvision.models.segmentation", "pip install torchvision"),
        Library(
            "nnunetv2.utilities.get_network_from_plans",
            "pip install 'napari-osuda[nnunet]'",
            stand_in=nnunet,
            requires=nnunet.networks_module,
        ),
    )
}


def installed(architecture: Architecture) -> bool:
    """Whether the library that the network's class is from can be imported."""
    try:
        _module(architecture)
    except ModelError:
        return False
    return True


def check_architecture(architecture: Architecture) -> None:
    """Refuse a network, an argument or a value outside the closed list, importing nothing.

    Raises
    ------
    ModelError
        ``import_from``, the network, an argument or its value is not in the list; the sentence gives what
        is.
    """
    if architecture.import_from not in LIBRARIES:
        raise ModelError(
            "weights.pytorch_state_dict.architecture.import_from is "
            f"{shown(architecture.import_from)}; it must be one of {', '.join(LIBRARIES)}. "
            "Nothing else is imported."
        )
    checked_arguments(architecture.import_from, architecture.callable, architecture.kwargs)


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
    found = getattr(module, architecture.callable, None)
    if (inspect.isclass(found) and issubclass(found, nn.Module)) or inspect.isfunction(found):
        return found
    raise ModelError(
        f"The installed {architecture.import_from} has no network {shown(architecture.callable)}."
    )


def build_network(architecture: Architecture, most: int | None = None) -> nn.Module:
    """The network, on the CPU, with random weights; torch's random state is left as it was.

    Parameters
    ----------
    architecture : Architecture
    most : int, optional
        Elements that all its tensors may have; for those whose `build_skeleton` is None.

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
            with nullcontext() if most is None else Budget(most):
                network = make(**kwargs)
    except ModelError:
        raise
    except (ImportError, ModuleNotFoundError) as error:
        raise ModelError(
            f"{architecture} needs {error.name}, which is not installed: pip install {error.name}"
        ) from None
    except Exception as error:  # whatever a constructor makes of arguments that a stranger wrote
        raise ModelError(
            f"{architecture} cannot be built with {str(kwargs)[:500]}: "
            f"{(str(error) or type(error).__name__)[:500]}"
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
    """The arguments that are allowed, without those that the installed library does not have."""
    arguments = checked_arguments(architecture.import_from, architecture.callable, architecture.kwargs)
    parameters = inspect.signature(make).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return arguments
    unknown = next((key for key in architecture.kwargs if key not in parameters), None)
    if unknown is not None:
        raise ModelError(f"The installed {architecture} takes no argument '{unknown}'.")
    return {key: value for key, value in arguments.items() if key in parameters}
