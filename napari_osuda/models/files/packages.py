"""A folder or an archive as a set of files that are read, whole and in memory, and never unpacked.

Whoever made the package may mean harm, so nothing outside it is reached (absolute paths, ``..``, links),
nothing large is read that was not announced, and no archive may grow without bound (zip bombs).
"""

from __future__ import annotations

import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from napari_osuda.errors import ModelError

__all__ = ["MAX_TEXT", "MAX_WEIGHTS", "Package", "read_json", "read_yaml", "zip_directory"]

MAX_TEXT = 4 * 2**20
MAX_WEIGHTS = 4 * 2**30
_MAX_FILES = 20_000
# Deflate reaches 1032; weights and text of honest packages stay far below 100.
_MAX_RATIO = 100
_SMALL = 2**20
_MAX_NODES = 100_000


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
        self.path = Path(path).expanduser()
        if not self.path.exists():
            raise ModelError(f"There is no model at {self.path}.")
        self._zip: zipfile.ZipFile | None = None
        self._members: dict[str, Any] = {}
        if self.path.is_dir():
            self.kind = "folder"
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
        try:
            self._zip = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise ModelError(f"{self.path} is not a readable zip archive ({error}).") from None
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
                if count > _MAX_FILES:
                    raise ModelError(f"{self.path} holds more than {_MAX_FILES} files; is it a model folder?")
                if found.is_file():
                    yield found.relative_to(self.path).as_posix()

    def has(self, name: str) -> bool:
        """Whether there is a file of that name in it."""
        if self.kind == "zip":
            return name in self._members
        if self.kind == "file":
            return name == self.path.name
        return (self.path / name).is_file()

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
        name = _inside(name, self.path)
        if self.kind == "zip":
            return self._read_member(name, limit)
        file = self.path if self.kind == "file" else self.path / name
        if not self.has(name):
            raise ModelError(f"{self.path} holds no '{name}'. It holds: {_some(self.names())}.")
        if self.kind == "folder" and not file.resolve().is_relative_to(self.path.resolve()):
            raise ModelError(
                f"'{name}' in {self.path} is a link that leads out of the folder; copy the file there."
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
            raise ModelError(f"{self.path} holds no '{name}'. It holds: {_some(self.names())}.")
        if info.file_size > limit:
            raise ModelError(
                f"'{name}' in {self.path} has {info.file_size:,} bytes; more than {limit:,} are not read."
            )
        try:
            with self._zip.open(info) as stream:
                content = stream.read(info.file_size + 1)
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            RuntimeError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise ModelError(f"'{name}' in {self.path} cannot be read: {error}.") from None
        if len(content) != info.file_size:
            raise ModelError(f"'{name}' in {self.path} is not of the size that the archive says.")
        return content

    def read_checked(self, name: str, sha256: str | None) -> tuple[bytes, str]:
        """The bytes of a file and their SHA-256, which has to be the announced one if there is one."""
        content = self.read(name)
        found = hashlib.sha256(content).hexdigest()
        if sha256 and found != str(sha256).lower():
            raise ModelError(
                f"{name} in {self.path} has the sha256 {found[:16]}..., but the description says "
                f"{str(sha256)[:16]}...: the file is damaged or was exchanged."
            )
        return content, found


def zip_directory(archive: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    """The entries of an archive, once none of them is a trap.

    Raises
    ------
    ModelError
        Too many entries, a path that leads out, a link, one name twice, or an absurd compression ratio.
    """
    infos = archive.infolist()
    if len(infos) > _MAX_FILES:
        raise ModelError(f"{where} holds {len(infos):,} files; more than {_MAX_FILES:,} are refused.")
    seen: set[str] = set()
    for info in infos:
        _inside(info.filename, where)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ModelError(f"'{info.filename}' in {where} is a link; archives with links are refused.")
        if info.file_size > _SMALL and info.file_size > _MAX_RATIO * max(info.compress_size, 1):
            growth = info.file_size // max(info.compress_size, 1)
            raise ModelError(
                f"'{info.filename}' in {where} would grow {growth}-fold to {info.file_size:,} bytes; such "
                "archives (zip bombs) are refused."
            )
        if info.filename in seen:
            raise ModelError(f"'{info.filename}' is twice in {where}; such archives are refused.")
        seen.add(info.filename)
    return infos


def _inside(name: str, where: object) -> str:
    """The name, normalized, if it stays inside the package."""
    path = PurePosixPath(name)
    if (
        not name
        or "\\" in name
        or "\0" in name
        or ":" in name.split("/")[0]
        or path.is_absolute()
        or ".." in path.parts
    ):
        raise ModelError(f"'{name}' in {where} is not a path inside the package, so it is refused.")
    return path.as_posix()


def _is_litter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.endswith(".DS_Store")


def _some(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "nothing"


class _Plain(yaml.SafeLoader):
    """Plain data only; times stay texts, and ``<<`` merges nothing, since merges can grow without bound."""


_Plain.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in ("timestamp", "merge")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(content: bytes, where: str) -> dict[str, Any]:
    """A YAML mapping of plain data.

    Parameters
    ----------
    content : bytes
        UTF-8 text.
    where : str
        How a message calls the file.

    Raises
    ------
    ModelError
        Not YAML, not a mapping, with tags (which other readers would execute), or grown by its aliases
        beyond 100,000 values.
    """
    try:
        document = yaml.load(io.BytesIO(content), Loader=_Plain)
    except yaml.constructor.ConstructorError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ModelError(f"{where}, line {line}: {error.problem}; only plain YAML is read.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ModelError(f"{where} is not readable as YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(document, dict):
        raise ModelError(f"{where} is not a YAML mapping of keys to values.")
    _count(document, where)
    return document


def read_json(package: Package, name: str) -> dict[str, Any]:
    """A JSON mapping in a package.

    Raises
    ------
    ModelError
        It is not readable as JSON, or not a mapping.
    """
    try:
        document = json.loads(package.read(name, MAX_TEXT))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} in {package.path} is not readable as JSON: {error}.") from None
    if not isinstance(document, dict):
        raise ModelError(f"{name} in {package.path} is not a mapping.")
    return document


def _count(document: object, where: str) -> None:
    left = [document]
    seen = 1
    while left:
        value = left.pop()
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        seen += len(inner)
        if seen > _MAX_NODES:
            raise ModelError(
                f"{where} holds more than {_MAX_NODES:,} values, aliases counted as what they stand for."
            )
        left.extend(inner)
