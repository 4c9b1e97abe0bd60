"""Errors whose text a user can act on: what is wrong, where, and what to do about it."""

from __future__ import annotations

__all__ = [
    "CaseError",
    "ConfigError",
    "ModelError",
    "NotAdaptableError",
    "OsudaError",
    "OutputError",
    "UntrustedModelError",
]


class OsudaError(Exception):
    """Base of all errors that are the user's to mend; ``str(error)`` is a sentence for the user."""


class CaseError(OsudaError):
    """An MRI case cannot be used: a channel is missing, grids differ, a file is truncated, no brain."""


class ConfigError(OsudaError):
    """A setting is unknown or out of range."""


class ModelError(OsudaError):
    """A model file or its card cannot be used as it is."""


class NotAdaptableError(ModelError):
    """The network has no BatchNorm statistics of the source, which is all that OSUDA knows of it."""


class UntrustedModelError(ModelError):
    """Reading the file would run code from it, and the user has not said that this is wanted.

    Parameters
    ----------
    message : str
        The sentence.
    sha256 : str, optional
        Of the program, where trusting it would let it be read; None where nothing would.
    what : str
        What kind of program it is.
    """

    def __init__(self, message: str, *, sha256: str | None = None, what: str = "") -> None:
        super().__init__(message)
        self.sha256 = sha256
        self.what = what


class OutputError(OsudaError):
    """Nothing can be written there: the folder is not empty, not a folder, or not writable."""
