"""Modules and names that are loaded when they are first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

__all__ = ["Module", "lazily", "nib"]


class Module:
    """Stands for a module, which is imported once somebody asks for something in it.

    Parameters
    ----------
    name : str
        Its whole name. Checkers of types see the real one, imported under ``TYPE_CHECKING``.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """What the module has under a name."""
        return getattr(importlib.import_module(self._name), name)


if TYPE_CHECKING:
    import nibabel as nib
else:
    # With its DICOM part it takes a while.
    nib = Module("nibabel")


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package that imports a name from its home once somebody asks for it.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        Name to the module that has it. No module of the package may be called as a name is: once imported,
        it would stand in the name's place.

    Returns
    -------
    callable
        From a name to what it stands for; raises AttributeError for others.
    """

    def load(name: str) -> Any:
        if name in homes:
            return getattr(importlib.import_module(homes[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load
