"""Answers that say something else than the model's own files do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_osuda.errors import ModelError, shown

__all__ = ["correction_notes"]

# What decides how images reach the network and masks come back; names may be corrected without a word.
_DECIDING = (
    "channels", "plane", "orientation", "size", "field_of_view_mm", "spacing_mm", "crop_to_head",
    "interpolation", "normalisation", "activation",
)  # fmt: skip
_ALONG_AXES = ("size", "field_of_view_mm", "spacing_mm")
_BODY_AXES = {"L": 0, "R": 0, "A": 1, "P": 1, "I": 2, "S": 2}


def correction_notes(said: Mapping[str, Any], answers: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """What the user should know of answers that the model's files contradict.

    Parameters
    ----------
    said, answers : mapping
        Fields of the card: those that the files state, and those that the user does.
    where : str
        How messages call the model.

    Raises
    ------
    ModelError
        The answer puts the axes in another order, and sizes along the axes are the files' own.
    """
    changed = [
        key
        for key in _DECIDING
        if key in said and key in answers and _plain(said[key]) != _plain(answers[key])
    ]
    if "orientation" in changed:
        _check_order(said, answers, where)
    return tuple(
        f"The model's files say {key} {_text(said[key])}; your answer {_text(answers[key])} is taken."
        for key in changed
    )


def _check_order(said: Mapping[str, Any], answers: Mapping[str, Any], where: str) -> None:
    order = [[_BODY_AXES.get(code) for code in _plain(given["orientation"])] for given in (said, answers)]
    uneven = [
        key for key in _ALONG_AXES if key in said and key not in answers and len(set(_several(said[key]))) > 1
    ]
    if order[0] != order[1] and uneven:
        ours, theirs = (_text(given["orientation"]) for given in (answers, said))
        raise ModelError(
            f"{where} states {uneven[0]} {_text(said[uneven[0]])} along the axes {theirs}, and your answer "
            f"puts the axes as {ours}. Answer {' and '.join(uneven)} as well."
        )


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().upper()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return shown(value)[1:-1] if isinstance(value, str) else shown(value)
