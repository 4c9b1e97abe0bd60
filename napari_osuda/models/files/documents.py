"""The one place where a stranger's document becomes a typed one: YAML and JSON, of plain and few values.

A form of model describes its documents as subclasses of :class:`Document`, with bounds, and reads them by
:func:`typed`; nothing else digs in them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from napari_osuda.errors import ModelError, printable, shown
from napari_osuda.models.files.packages import MAX_TEXT, Package

__all__ = ["Document", "Name", "Text", "plain_yaml", "read_json", "read_yaml", "sentence_of", "typed"]

# Texts that people will read: a name of a channel, and a title.
Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(lambda text: printable(text, ""))]
Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(lambda text: printable(text, ""))]

# YAML is read slowly: honest descriptions have a tenth of it.
_MAX_YAML = 2**18
_MAX_NODES = 100_000
_MAX_DEPTH = 64
_LARGEST = 2**63


class Document(BaseModel):
    """A document of a stranger, or a part of one: of the keys that are known here, strictly typed."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


Known = TypeVar("Known", bound=Document)


def typed(kind: type[Known], value: object, where: str) -> Known:
    """A part of a document as its type.

    Parameters
    ----------
    kind : type
        A subclass of :class:`Document`.
    value : object
        As it was parsed.
    where : str
        How messages call the place.

    Raises
    ------
    ModelError
        A key is missing, or a value is not of its type or out of bounds; the sentence names both.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise ModelError(sentence_of(error, where, kind)) from None


_KINDS = {
    "string_type": "a text", "int_type": "a whole number", "float_type": "a number", "list_type": "a list",
    "bool_type": "true or false", "dict_type": "a mapping", "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}  # fmt: skip


def sentence_of(error: ValidationError, where: str, kind: type[BaseModel]) -> str:
    """The first complaint of pydantic in the words of the document: the key, what it is, what it may be."""
    first = _telling(error)
    path = ".".join(printable(str(part), "")[:40] for part in first["loc"] if not _is_tag(part))
    key = f"{where}.{path}" if path else where
    if first["type"] == "extra_forbidden":
        return f"{key} is not a known key; the keys are {', '.join(sorted(kind.model_fields))}."
    if first["type"] == "missing":
        return f"{key} is missing."
    if first["type"] == "value_error":
        reason = str(first["ctx"]["error"])
        return f"{key}: {reason}." if not path else f"{key} is {shown(first['input'])}; {reason}."
    if first["type"] == "literal_error":
        allowed = first["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return f"{key} is {shown(first['input'])}; it must be one of {allowed}."
    if first["type"] in _KINDS:
        return f"{key} is {shown(first['input'])}; it must be {_KINDS[first['type']]}."
    if first["type"] in ("too_short", "too_long"):
        most = first["ctx"].get("max_length")
        bound = f"at most {most:,} are read" if most else f"it needs at least {first['ctx']['min_length']}"
        noun = "entry" if len(first["input"]) == 1 else "entries"
        return f"{key} has {len(first['input']):,} {noun}; {bound}."
    message = first["msg"].removeprefix("Input ")
    return f"{key} is {shown(first['input'])}; it {message[0].lower()}{message[1:]}."


def _telling(error: ValidationError) -> Any:
    """The first complaint; where a value may be of several kinds, that which says what is wrong inside it."""
    errors = error.errors(include_url=False)
    first = errors[0]
    if not any(_is_tag(part) for part in first["loc"]):
        return first
    depth = next(i for i, part in enumerate(first["loc"]) if _is_tag(part))
    of_value = [e for e in errors if e["loc"][:depth] == first["loc"][:depth]]
    return next((e for e in of_value if e["type"] == "value_error"), None) or max(
        of_value, key=lambda e: len(e["loc"])
    )


def _is_tag(part: int | str) -> bool:
    """Whether a part of a path is no key, but pydantic's name of one of the kinds that a value may be of."""
    return isinstance(part, str) and (part in ("int", "float", "str", "bool") or "[" in part)


class _Plain(yaml.SafeLoader):
    """Plain data only; times stay texts, and ``<<`` merges nothing, since merges can grow without bound."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping; of a key that is there twice, other programs may take the other value."""
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(found) < len(node.value):
            raise ValueError("a key is there twice in one mapping")
        return found


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
        Not YAML, not a mapping, with tags (which other readers would execute), too large, too deep, with a
        number that no program needs, or grown by its aliases beyond 100,000 values.
    """
    if len(content) > _MAX_YAML:
        raise ModelError(f"{where} has {len(content):,} bytes; of YAML more than {_MAX_YAML:,} are not read.")
    return _checked(plain_yaml(content, where), where, "YAML")


def plain_yaml(content: bytes | str, where: str) -> Any:
    """Plain data out of YAML, whatever it is and however large; raises as :func:`read_yaml`."""
    try:
        return yaml.load(content, Loader=_Plain)
    except yaml.constructor.ConstructorError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ModelError(f"{where}, line {line}: {error.problem}; only plain YAML is read.") from None
    except RecursionError:
        raise ModelError(f"{where} is nested too deep to be read.") from None
    except Exception as error:  # the values of a damaged text can fail in any way
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise ModelError(f"{where} is not readable as YAML: {reason}.") from None


def read_json(package: Package, name: str) -> dict[str, Any]:
    """A JSON mapping in a package.

    Raises
    ------
    ModelError
        It is not readable as JSON, or not a mapping; or it is too large, as for :func:`read_yaml`.
    """
    where = f"{name} in {package.path}"
    content = package.read(name, MAX_TEXT)
    # Each would be an object of its own, before anybody can count them; some stand in texts.
    if sum(content.count(mark) for mark in (b"[", b"{", b",")) > 4 * _MAX_NODES:
        raise ModelError(f"{where} holds more than {_MAX_NODES:,} values.")
    try:
        document = json.loads(content, object_pairs_hook=_once)
    except RecursionError:
        raise ModelError(f"{where} is nested too deep to be read.") from None
    except ValueError as error:
        raise ModelError(f"{where} is not readable as JSON: {str(error)[:200]}.") from None
    return _checked(document, where, "JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping; of a key that is there twice, other programs may take the other value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"it has the key {shown(twice)} twice")
    return found


def _checked(document: object, where: str, language: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ModelError(f"{where} is not a {language} mapping of keys to values.")
    _bounded(document, where)
    return document


def _bounded(document: object, where: str) -> None:
    """Refuse what would take too long to walk through, or could not even be shown."""
    left: list[tuple[object, int]] = [(document, 1)]
    seen = 1
    while left:
        value, depth = left.pop()
        if isinstance(value, int) and abs(value) >= _LARGEST:
            raise ModelError(f"{where} has a whole number of more than 18 digits, which no model needs.")
        inner: list[Any] = []
        if isinstance(value, Mapping):
            inner = [*value.values(), *(key for key in value if not isinstance(key, str))]
        elif isinstance(value, list | tuple | set):
            inner = list(value)
        seen += len(inner)
        if seen > _MAX_NODES:
            raise ModelError(
                f"{where} holds more than {_MAX_NODES:,} values, aliases counted as what they stand for."
            )
        if depth > _MAX_DEPTH:
            raise ModelError(f"{where} is nested deeper than {_MAX_DEPTH} levels; that deep is not read.")
        left.extend((value, depth + 1) for value in inner)
