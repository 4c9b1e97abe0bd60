"""Files that are whole or absent: written beside their place, then renamed into it; names and hashes."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_osuda.errors import OutputError, printable

__all__ = [
    "PARTIAL",
    "RUN_FILE",
    "csv_cell",
    "expanded",
    "file_name",
    "harmless",
    "is_run_folder",
    "name_given_twice",
    "path_inside",
    "sha256_of",
    "written_whole",
]

PARTIAL = ".partial-"
"""How the names begin of files that are being written; what a crash leaves of them means nothing."""

RUN_FILE = "run.json"
"""The record of a run in its folder; what is in it, `session.run_folder.record` knows."""

# Bytes, with room for suffixes: file systems allow 255.
_LONGEST_NAME = 200
# They let a text show otherwise than it is stored.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKS = frozenset("\n\t\u061c\u200e\u200f")
# Windows has devices of these names in every folder, whatever the suffix.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "123456789")}
)
# What a spreadsheet takes for the beginning of a formula, in either width.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success it replaces ``path``, on an error it is removed.

    The temporary name ends in the same suffixes, so that writers that choose a format by name still do.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix="-" + path.name, dir=path.parent)
    os.close(handle)
    # mkstemp is private to the user; the result gets the permissions that an ordinary file would.
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(name, 0o666 & ~umask)
    partial = Path(name)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def expanded(path: Path | str) -> Path:
    """A path with ``~`` as the home folder; that of a user whom the system does not know stays as it is."""
    # Not `Path.expanduser`, which fails on such a user.
    return Path(os.path.expanduser(path))


def sha256_of(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a file's bytes; OSError also for a pipe or a device, which has no end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a device or a folder", os.fspath(path))
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_run_folder(folder: Path | str) -> bool:
    """Whether there is a run's record in that folder."""
    return (Path(folder) / RUN_FILE).is_file()


def path_inside(folder: Path | str, *names: str) -> Path:
    """The path of a file in a folder, by names that may come out of a stranger's file.

    Parameters
    ----------
    folder : path
        Trusted.
    names : str
        Of folders and at last of the file, each one name and no path.

    Returns
    -------
    Path
        In ``folder``, also where folders below it are links.

    Raises
    ------
    OutputError
        A name is none, or what stands in the folder leads out of it.
    """
    folder = Path(folder)
    path = folder.joinpath(*map(file_name, names))
    # Not `resolve`, which fails on links that lead in a circle.
    if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(folder)):
        raise OutputError(f"{path.parent} leads out of the folder {folder}. Remove that link, and try again.")
    return path


def file_name(name: str) -> str:
    """``name`` itself, where a file may be called so on any system and it leads nowhere else.

    Raises
    ------
    OutputError
        It is empty, a path, holds control characters, is too long, or means something else to Windows.
    """
    shown = printable(name, kept="")
    # As a file system that makes wide and composed characters plain would read it.
    plain = unicodedata.normalize("NFKC", name).strip()
    if not plain or plain in (".", "..") or any(part in name + plain for part in "/\\:"):
        raise OutputError(f"'{shown[:80]}' cannot be the name of a file: give it a name without a path.")
    if any(map(_unsafe, name)):
        raise OutputError(f"The name '{shown[:80]}' holds characters that cannot be shown. Rename it.")
    if plain.partition(".")[0].rstrip().lower() in _DEVICES:
        raise OutputError(f"The name '{shown[:80]}' is that of a device on Windows. Rename it.")
    if len(name.encode("utf-8")) > _LONGEST_NAME:
        raise OutputError(f"The name '{shown[:40]}...' is too long for a file: shorten it.")
    return name


def name_given_twice(names: Iterable[str]) -> str | None:
    """The first name that means the same file as one before it on some system; None where there is none.

    Those of Windows and macOS do not tell capital letters apart, nor the ways to write an accent.
    """
    seen: set[str] = set()
    for name in names:
        plain = unicodedata.normalize("NFKC", name).casefold().rstrip(" .")
        if plain in seen:
            return name
        seen.add(plain)
    return None


def harmless(text: str) -> str:
    """``text`` of a stranger's document for a screen: what steers terminals or turns words is written out.

    Languages need what is left alone: marks of direction, joiners, line ends.
    """
    if text.isprintable():
        return text
    return "".join(ascii(c)[1:-1] if _unsafe(c) and c not in _MARKS else c for c in text)


def _unsafe(character: str) -> bool:
    """Control characters, those that turn the direction of writing or break lines, halves of characters."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTION


def csv_cell(value: Any) -> Any:
    """``value`` for a cell of a table: what a spreadsheet would take for a formula gets a quote."""
    if not isinstance(value, str) or not value.lstrip(" ").startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value
