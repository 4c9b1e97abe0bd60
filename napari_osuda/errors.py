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
    "explain",
    "out_of_memory",
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


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's own error, or torch's, which is a RuntimeError in various words."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def explain(error: BaseException) -> str:
    """A sentence on any failure: the project's own are sentences already."""
    if isinstance(error, OsudaError):
        return str(error)
    if out_of_memory(error):
        return (
            "The machine ran out of memory. Set a smaller batch_size (for a 3-D network smaller patches: "
            "--set-card size=64,64,64), or close other programs."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"The system said '{error.strerror}'{where}."
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"An unexpected error stopped this: {said}. Please report it."
