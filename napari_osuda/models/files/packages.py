"""A folder or an archive as a set of files that are read, whole and in memory, and never unpacked.

Whoever made the package may mean harm, so nothing outside it is reached (absolute paths, ``..``, links),
nothing large is read that was not announced, and no archive may grow without bound (zip bombs).
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_osuda.errors import ModelError, shown
from napari_osuda.files import expanded
from napari_osuda.models.files.archives import MAX_FILES, inside, open_zip, read_member, zip_directory

__all__ = ["MAX_TEXT", "MAX_WEIGHTS", "Package"]

MAX_TEXT = 4 * 2**20
MAX_WEIGHTS = 4 * 2**30


class Package:
    """The files of a model's folder or ``.zip``; a single other file is a package of itself.

    Parameters
    ----------
    path : path
        Folder, archive or file.

    Raises
    ------
    ModelError
        There is nothing, or an archive that no honest packer writes.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = expanded(path)
        if not os.path.exists(self.path):
            raise ModelError(f"There is no model at {str(self.path)[:300]}.")
        self._zip: zipfile.ZipFile | None = None
        self._members: dict[str, Any] = {}
        if self.path.is_dir():
            self.kind = "folder"
        elif not self.path.is_file():
            raise ModelError(f"{self.path} is a pipe or a device. Give a file or a folder.")
        elif self.path.suffix.lower() == ".zip":
            self.kind = "zip"
            self._open_zip()
        else:
            self.kind = "file"

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def _open_zip(self) -> None:
        self._zip = open_zip(self.path, str(self.path))
        infos = zip_directory(self._zip, str(self.path))
        names = [info.filename for info in infos if not info.is_dir()]
        # Archivers often put everything into one folder; what is inside is the package.
        root = names[0].partition("/")[0] + "/" if names and "/" in names[0] else ""
        if not root or not all(name.startswith(root) for name in names if not _is_litter(name)):
            root = ""
        self._members = {
            info.filename.removeprefix(root): info
            for info in infos
            if not info.is_dir() and not _is_litter(info.filename)
        }

    def names(self) -> list[str]:
        """Paths of the files, relative, with ``/``; of folders at most three levels down."""
        return sorted(self._walk())

    def _walk(self) -> Iterator[str]:
        if self.kind == "zip":
            yield from self._members
        elif self.kind == "file":
            yield self.path.name
        else:
            patterns = ("*", "*/*", "*/*/*")
            for count, found in enumerate(f for pattern in patterns for f in self.path.glob(pattern)):
                if count > MAX_FILES:
                    raise ModelError(f"{self.path} holds more than {MAX_FILES} files; is it a model folder?")
                if os.path.isfile(found):
                    yield found.relative_to(self.path).as_posix()

    def has(self, name: str) -> bool:
        """Whether there is a file of that name in it."""
        if self.kind == "zip":
            return name in self._members
        if self.kind == "file":
            return name == self.path.name
        # Not `Path.is_file`, which fails where a folder may not be looked into.
        return os.path.isfile(self.path / name)

    def find(self, *names: str) -> str | None:
        """The first of these names that is there."""
        return next((name for name in names if self.has(name)), None)

    def read(self, name: str, limit: int = MAX_WEIGHTS) -> bytes:
        """The bytes of one file.

        Parameters
        ----------
        name : str
            Relative path, as a description gives it.
        limit : int
            Bytes that are read at most.

        Raises
        ------
        ModelError
            The name leads out of the package, there is no such file, or it is larger than ``limit``.
        """
        name = inside(name, self.path)
        if self.kind == "zip":
            return self._read_member(name, limit)
        file = self.path if self.kind == "file" else self.path / name
        if not self.has(name):
            raise ModelError(f"{self.path} holds no {shown(name)}. It holds: {_some(self.names())}.")
        if self.kind == "folder" and not file.resolve().is_relative_to(self.path.resolve()):
            raise ModelError(
                f"{shown(name)} in {self.path} is a link that leads out of the folder; copy the file there."
            )
        size = file.stat().st_size
        if size > limit:
            raise ModelError(f"{file} has {size:,} bytes; more than {limit:,} are not read.")
        try:
            return file.read_bytes()
        except OSError as error:
            raise ModelError(f"{file} cannot be read: {error.strerror}.") from None

    def _read_member(self, name: str, limit: int) -> bytes:
        assert self._zip is not None
        info = self._members.get(name)
        if info is None:
            raise ModelError(f"{self.path} holds no {shown(name)}. It holds: {_some(self.names())}.")
        if info.file_size > limit:
            raise ModelError(
                f"{shown(name)} in {self.path} has {info.file_size:,} bytes; more than {limit:,} are not "
                "read."
            )
        return read_member(self._zip, info, str(self.path))

    def read_checked(self, name: str, sha256: str | None) -> tuple[bytes, str]:
        """The bytes of a file and their SHA-256, which has to be the announced one if there is one."""
        content = self.read(name)
        found = hashlib.sha256(content).hexdigest()
        if sha256 and found != str(sha256).lower():
            raise ModelError(
                f"{name} in {self.path} has the sha256 {found[:16]}..., but the description says "
                f"{str(sha256)[:16]}...: the file is damaged or was replaced."
            )
        return content, found


def _is_litter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.endswith(".DS_Store")


def _some(names: list[str]) -> str:
    if not names:
        return "nothing"
    return ", ".join(name[-60:] for name in names[:12]) + (", ..." if len(names) > 12 else "")
