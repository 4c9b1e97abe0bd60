"""Zip archives from strangers: opened only when none of their entries is a trap."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path, PurePosixPath

from napari_osuda.errors import ModelError, shown

__all__ = ["inside", "open_zip", "read_member", "zip_directory"]

MAX_FILES = 20_000
# Deflate reaches 1032; weights and text of honest packages stay far below 100.
_MAX_RATIO = 100
_SMALL = 2**20
_LONGEST_NAME = 1000


def open_zip(source: Path | bytes, where: str) -> zipfile.ZipFile:
    """An archive, to be closed by the caller.

    Raises
    ------
    ModelError
        It is no archive, or damaged.
    """
    try:
        return zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except Exception as error:  # a damaged directory can fail in any way
        raise ModelError(f"{where} is not a readable zip archive ({_reason(error)}).") from None


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> bytes:
    """The bytes of an entry.

    Raises
    ------
    ModelError
        It is damaged, encrypted, or not of the size that the directory says.
    """
    try:
        with archive.open(info) as stream:
            content = stream.read(info.file_size + 1)
    except Exception as error:  # damaged data can fail in any way, zlib's and struct's errors included
        raise ModelError(f"{shown(info.filename)} in {where} cannot be read: {_reason(error)}.") from None
    if len(content) != info.file_size:
        raise ModelError(f"{shown(info.filename)} in {where} is not of the size that the archive says.")
    return content


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def zip_directory(archive: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    """The entries of an archive, once none of them is a trap.

    Raises
    ------
    ModelError
        Too many entries, a path that leads out, a link, one name twice, or an absurd compression ratio.
    """
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise ModelError(f"{where} holds {len(infos):,} files; more than {MAX_FILES:,} are refused.")
    seen: set[str] = set()
    for info in infos:
        inside(info.filename, where)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ModelError(f"{shown(info.filename)} in {where} is a link; archives with links are refused.")
        if info.file_size > _SMALL and info.file_size > _MAX_RATIO * max(info.compress_size, 1):
            growth = info.file_size // max(info.compress_size, 1)
            raise ModelError(
                f"{shown(info.filename)} in {where} would grow {growth}-fold to {info.file_size:,} bytes; "
                "such archives (zip bombs) are refused."
            )
        if info.filename in seen:
            raise ModelError(f"{shown(info.filename)} is twice in {where}; such archives are refused.")
        seen.add(info.filename)
    return infos


def inside(name: str, where: object) -> str:
    """The name, normalized, if it stays inside the package."""
    path = PurePosixPath(name)
    if (
        not 0 < len(name) <= _LONGEST_NAME
        or "\\" in name
        or "\0" in name
        or ":" in name.split("/")[0]
        or path.is_absolute()
        or ".." in path.parts
    ):
        raise ModelError(f"{shown(name)} in {where} is not a path inside the package, so it is refused.")
    return path.as_posix()
