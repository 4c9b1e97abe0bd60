"""JSON documents of a run folder: any file becomes a typed record here, or a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from napari_osuda.errors import OsudaError, OutputError, printable
from napari_osuda.files import file_name, harmless, written_whole

__all__ = ["FileName", "RunDocument", "now", "plain", "present_settings", "read_document", "write_document"]

# Bytes. The record of a run of hundreds of cases is a few MB.
_LARGEST = 64 * 2**20
# Lists and mappings in it: each takes memory before anybody can count them.
_MOST_PARTS = 500_000

_D = TypeVar("_D", bound="RunDocument")


def _checked(name: str) -> str:
    try:
        return file_name(name)
    except OutputError as error:
        raise ValueError(str(error)) from None


FileName = Annotated[str, AfterValidator(_checked)]
"""A name that becomes that of a file."""


class RunDocument(BaseModel):
    """A part of a document: frozen; keys that a later version has added are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)


def read_document(
    path: Path,
    kind: type[_D],
    what: str,
    migrate: Callable[[dict[str, Any]], dict[str, Any]] = lambda document: document,
    *,
    fault: type[OsudaError] = OutputError,
) -> _D:
    """Read a document.

    Parameters
    ----------
    path : Path
    kind : type
        What it has to be.
    what : str
        What it is called in the sentence of an error, such as "the record of a run".
    migrate : callable
        Brings the document of an earlier version into today's form.
    fault : type
        What is raised.

    Raises
    ------
    OsudaError
        There is no such file, or it is something else.
    """

    def refused(reason: str) -> OsudaError:
        return fault(f"{path} cannot be read as {what} ({reason}). Restore the file, or remove it.")

    try:
        if not path.is_file():
            raise refused("it is no file")
        if path.stat().st_size > _LARGEST:
            raise refused(f"it is larger than {_LARGEST // 2**20} MB")
        text = path.read_text(encoding="utf-8")
        if text.count("[") + text.count("{") > _MOST_PARTS:
            raise refused(f"it has more than {_MOST_PARTS:,} parts")
        document = _harmless(json.loads(text, parse_constant=_no_number))
        if not isinstance(document, dict):
            raise refused("it holds no keys")
        return kind.model_validate(migrate(document))
    except OsudaError:
        raise
    except OSError as error:
        raise refused(error.strerror or str(error)) from error
    except ValidationError as error:
        raise refused(_first_fault(error)) from error
    except RecursionError as error:
        raise refused("its lists are nested too deeply") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise refused(printable(str(error))) from error


def _harmless(value: Any) -> Any:
    """A document whose texts, keys among them, can be shown."""
    if isinstance(value, dict):
        return {harmless(key): _harmless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_harmless(inner) for inner in value]
    return harmless(value) if isinstance(value, str) else value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def write_document(path: Path, document: RunDocument) -> None:
    """Write a document whole."""
    with written_whole(path) as partial:
        text = json.dumps(plain(document.model_dump()), indent=1, ensure_ascii=False)
        partial.write_text(text + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: tuples and arrays as lists, paths as texts, infinite numbers as texts."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set):
        return [plain(v) for v in value]
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return str(value) if isinstance(value, Path) else value


def present_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a document in today's names, where an earlier version wrote it."""
    found = {{"go_back": "fallback"}.get(name, name): value for name, value in settings.items()}
    if found.get("contrast") == "turned":
        found["contrast"] = "inverted"
    return found


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    said = str(first["msg"]).removeprefix("Value error, ")
    return printable(f"{where}: {said}" if where else said)[:400]


def now() -> str:
    """The time in UTC, as it stands in records: ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
