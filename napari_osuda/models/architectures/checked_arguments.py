"""The arguments that a model's files give for its network, held against the closed list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_osuda.errors import ModelError, shown
from napari_osuda.models.architectures.closed_list import NETWORKS

__all__ = ["checked_arguments"]


def checked_arguments(module: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments to call a network of the list with: those given, and those by which it would fetch, off.

    Parameters
    ----------
    module, name : str
        Where the class is and what it is called.
    given : mapping
        As they stand in a file.

    Raises
    ------
    ModelError
        The network is not in the list, or an argument or a value is not allowed; the sentence gives those
        that are.
    """
    allowed = NETWORKS.get(module, {}).get(name)
    if allowed is None:
        names = ", ".join(sorted(NETWORKS.get(module, {}), key=str.casefold))
        raise ModelError(f"{module} has no network {shown(name)} that is read here. It has: {names}.")
    arguments: dict[str, Any] = {}
    for key, value in given.items():
        kind = allowed.get(key)
        if kind is None:
            named_here = ", ".join(key for key, kind in allowed.items() if not kind.forced)
            raise ModelError(
                f"{module}.{name} may not be given the argument {shown(key)}; allowed are {named_here}."
            )
        if not kind.holds(value):
            raise ModelError(f"architecture.kwargs.{key} is {shown(value)}; it must be {kind.words}.")
        arguments[key] = value
    arguments.update({key: kind.forced[0] for key, kind in allowed.items() if kind.forced})
    return arguments
