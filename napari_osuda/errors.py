"""Errors whose text a user can act on: what is wrong, where, and what to do about it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from napari_osuda.extras import library_problem

__all__ = [
    "BusyError",
    "CaseError",
    "ConfigError",
    "ModelError",
    "NoImageError",
    "NotAdaptableError",
    "OsudaError",
    "OutputError",
    "RunUnderWayError",
    "UntrustedModelError",
    "cannot_write",
    "explain",
    "out_of_memory",
    "printable",
    "shown",
]


def printable(text: str, kept: str = "\n") -> str:
    """A text that steers no terminal: control and direction characters are written out as escapes.

    Parameters
    ----------
    text : str
        As a stranger's file or a file's name has it.
    kept : str
        Characters that stay as they are.

    Returns
    -------
    str
        It can be encoded as UTF-8, whatever the text was.
    """
    if text.isprintable():
        return text
    return "".join(c if c in kept or c.isprintable() else _written_out(c) for c in text)


def _written_out(c: str) -> str:
    return " " if unicodedata.category(c) == "Zs" else ascii(c)[1:-1]


def shown(value: Any, most: int = 60) -> str:
    """A stranger's value, short and harmless enough to stand in a sentence: a text stands in quotes.

    Parameters
    ----------
    value : object
        Of a document: a text, a number, a list, a mapping.
    most : int
        Characters of a text that are shown at most.
    """
    if isinstance(value, str):
        text = printable(value[:most], kept="")
        return f"'{text}...'" if len(value) > most else f"'{text}'"
    if isinstance(value, Mapping):
        keys = ", ".join(shown(key, 20) for key in list(value)[:5])
        return f"a mapping with {keys}" if keys else "an empty mapping"
    if isinstance(value, list | tuple):
        if len(value) <= 4 and all(isinstance(inner, int | float) for inner in value):
            return f"[{', '.join(shown(inner) for inner in value)}]"
        return f"a list of {len(value):,}"
    if isinstance(value, int) and abs(value) >= 10**15:
        return "a number that is too large"
    if isinstance(value, int | float):
        return str(value)
    return "nothing" if value is None else f"a {type(value).__name__}"


class OsudaError(Exception):
    """Base of all errors that a user can correct; ``str(error)`` is a sentence for the user.

    What a stranger's file put into the sentence cannot steer the terminal that shows it.

    Parameters
    ----------
    message : str
        The sentence, in words that hold in a window, in a script and in a terminal.
    command : str
        What is to be done on the command line, for those who are there.
    """

    def __init__(self, message: str = "", *more: object, command: str = "") -> None:
        super().__init__(printable(str(message)), *more)
        self.command = printable(command)
        if command:
            # A script that does not catch the error shows it as well.
            self.add_note(self.command)


class CaseError(OsudaError):
    """An MRI case cannot be used: a channel is missing, grids differ, a file is truncated, no brain."""


class NoImageError(CaseError):
    """No image of a case is the contrast that a channel asks for."""


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
    command : str
        As for `OsudaError`.
    """

    def __init__(self, message: str, *, sha256: str | None = None, what: str = "", command: str = "") -> None:
        super().__init__(message, command=command)
        self.sha256 = sha256
        self.what = what


class OutputError(OsudaError):
    """Nothing can be written there: the folder is not empty, not a folder, or not writable."""


class BusyError(OutputError):
    """Somebody else is writing there at this moment."""


class RunUnderWayError(OsudaError, RuntimeError):
    """A second run cannot begin, nor the result of the first be changed, while that goes on."""

    def __init__(self) -> None:
        super().__init__("A run is under way. Stop it first.")


def cannot_write(what: object, error: OSError) -> OutputError:
    """The error for a file or a folder that the system does not let us write, with the system's reason."""
    return OutputError(f"{what} cannot be written: {error.strerror or error}.")


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's own error, or torch's, which is a RuntimeError in various words."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def explain(error: BaseException, *, command: bool = False) -> str:
    """A sentence on any failure: the project's own are sentences already.

    Parameters
    ----------
    error : BaseException
    command : bool
        Whether it is said on the command line: what is to be done there is said as well.
    """
    if isinstance(error, OsudaError):
        return f"{error} {error.command}" if command and error.command else str(error)
    if out_of_memory(error):
        return (
            "The machine ran out of memory. Set a smaller batch_size (for a 3-D network smaller "
            "patches: size 64,64,64), or close other programs."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f" ({printable(str(error.filename))})" if error.filename else ""
        return f"The system said '{error.strerror}'{where}."
    problem = library_problem(error)
    if problem is not None:
        return printable(problem)
    said = f"{type(error).__name__}: {printable(str(error))}".rstrip(": ")
    return f"An unexpected error stopped this: {said}. Please report it."
