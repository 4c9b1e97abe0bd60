"""A MONAI bundle's documents as typed ones: metadata, and a configuration whose references are followed.

Expressions (``$...``) and macros (``%...``) are never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, field_validator

from napari_osuda.errors import ModelError, shown
from napari_osuda.models.files.documents import Document, Name

__all__ = ["BundleConfig", "Metadata", "TransformStep"]

_MAX_DEPTH = 20
# Values that references may bring together; honest configurations have hundreds.
_MOST_VALUES = 20_000
_MOST_STEPS = 100


class _Tensor(Document):
    channel_def: Annotated[dict[str, Name], Field(max_length=512)] | None = None

    @field_validator("channel_def", mode="before")
    @classmethod
    def _with_texts(cls, value: Any) -> Any:
        return {str(key): name for key, name in value.items()} if isinstance(value, Mapping) else value


class _Format(Document):
    inputs: dict[str, _Tensor] = Field(default_factory=dict, max_length=64)
    outputs: dict[str, _Tensor] = Field(default_factory=dict, max_length=64)


class Metadata(Document):
    """What ``configs/metadata.json`` says of the channels."""

    name: Name | None = None
    network_data_format: _Format | None = None

    def channels(self, side: str) -> tuple[str, ...]:
        """Names of the channels of the first of the ``inputs`` or ``outputs``; () where there are none."""
        form = self.network_data_format
        tensors = {} if form is None else form.inputs if side == "inputs" else form.outputs
        first = next(iter(tensors.values()), None)
        defined = first.channel_def if first is not None and first.channel_def else {}
        # Their numbers count, whatever order they are written in.
        numbered = all(key.isascii() and key.isdecimal() and len(key) < 10 for key in defined)
        return tuple(defined[key] for key in (sorted(defined, key=int) if numbered else defined))


@dataclass(frozen=True)
class TransformStep:
    """One transform.

    Attributes
    ----------
    kind : str
        Its class, without the module.
    arguments : dict
        Those that could be read.
    unread : tuple of str
        Names of the arguments that are expressions, or refer to nothing.
    """

    kind: str
    arguments: dict[str, Any]
    unread: tuple[str, ...] = ()


@dataclass
class BundleConfig:
    """A configuration of which parts are asked for, with references (``@key``, ``@key::inner``) followed.

    Parameters
    ----------
    document : mapping
        As it was parsed.
    where : str
        How messages call the file.
    """

    document: Mapping[str, Any]
    where: str
    _values: int = field(default=0, init=False)

    def mapping(self, *keys: str) -> Mapping[str, Any] | None:
        """The first of these keys that has a mapping."""
        found = (self.document.get(key) for key in keys)
        return next((value for value in found if isinstance(value, Mapping)), None)

    def resolved(self, value: Any, where: str = "") -> Any:
        """Literals, with references followed.

        Parameters
        ----------
        value : object
            A part of the document.
        where : str
            How messages call the part.

        Raises
        ------
        ModelError
            An expression, a macro, a reference to nothing, references in a circle, or references that
            together bring more than 20,000 values.
        """
        return self._resolved(value, f"{self.where}: {where}" if where else self.where, 0)

    def steps(self, key: str) -> tuple[list[TransformStep], bool]:
        """The transforms under a key, and whether all of them could be read."""
        try:
            found = self._referred(self.document.get(key))
            if isinstance(found, Mapping):
                found = self._referred(found.get("transforms"))
        except ModelError:
            return [], False
        if found is None:
            return [], True
        if not isinstance(found, list) or len(found) > _MOST_STEPS:
            return [], False
        steps = [self._step(step) for step in found]
        return [step for step in steps if step is not None], True

    def _step(self, value: Any) -> TransformStep | None:
        try:
            value = self._referred(value)
        except ModelError:
            value = None
        if not isinstance(value, Mapping) or not isinstance(value.get("_target_"), str):
            # Older configurations leave the class out where its arguments tell.
            arguments, unread = self._arguments(value) if isinstance(value, Mapping) else ({}, ())
            return TransformStep("", arguments, unread)
        if value.get("_disabled_") is True:
            return None
        arguments, unread = self._arguments(value)
        return TransformStep(value["_target_"].rpartition(".")[2][:60], arguments, unread)

    def _arguments(self, value: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        arguments, unread = {}, []
        for key, inner in value.items():
            if str(key).startswith("_") and key != "_disabled_":
                continue
            try:
                arguments[str(key)] = self.resolved(inner)
            except ModelError:
                unread.append(str(key))
        return arguments, tuple(unread)

    def _referred(self, value: Any) -> Any:
        """A value that may be a reference, itself; what is in it stays as it is."""
        for _ in range(_MAX_DEPTH):
            if not isinstance(value, str):
                return value
            value = self._found(value, self.where)
        raise ModelError(f"{self.where} refers to itself.")

    def _resolved(self, value: Any, where: str, depth: int) -> Any:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise ModelError(
                f"{self.where} brings more than {_MOST_VALUES:,} values together by its references, which no "
                "network needs."
            )
        if depth > _MAX_DEPTH:
            raise ModelError(f"{where} refers to itself.")
        if isinstance(value, Mapping):
            return {key: self._resolved(v, f"{where}.{key}"[:200], depth + 1) for key, v in value.items()}
        if isinstance(value, list):
            return [self._resolved(inner, where, depth + 1) for inner in value]
        if not isinstance(value, str) or value[:1] not in ("@", "$", "%"):
            return value
        return self._resolved(self._found(value, where), where, depth + 1)

    def _found(self, reference: str, where: str) -> Any:
        if reference[:1] != "@":
            raise ModelError(
                f"{where} is the expression {shown(reference)}; expressions are not evaluated. Write its "
                "value into the configuration."
            )
        found: Any = self.document
        for key in re.split(r"::|#", reference[1:]):
            number = int(key) if key.isascii() and key.isdecimal() and len(key) < 6 else None
            if isinstance(found, list) and number is not None and number < len(found):
                found = found[number]
            elif isinstance(found, Mapping) and key in found:
                found = found[key]
            else:
                raise ModelError(f"{where} refers to {shown(reference)}, which is not in the configuration.")
        return found
