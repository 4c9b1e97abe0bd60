"""Answers as people type them, as fields of the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_osuda.errors import shown
from napari_osuda.models.card_defaults import as_value
from napari_osuda.models.files.documents import plain_yaml

__all__ = ["parse_overrides"]

_TEXTS = frozenset({"name", "plane", "orientation", "normalisation", "activation", "license", "architecture"})
_NAMES = frozenset({"channels", "output_channels"})


def parse_overrides(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as they come from ``--set-card KEY=VALUE`` (texts) or from Python (any value), as card fields.

    Parameters
    ----------
    overrides : mapping
        Keys are those of :class:`ModelCard`, and ``kwargs`` for the architecture's arguments. Texts are
        read as YAML (``size=[128, 128]``, ``labels={0: background, 1: tumor}``), names by their commas
        (``channels=t1,t2``), labels also as ``0=background,1=tumor``.

    Raises
    ------
    ModelError
        A text is not readable as the value of its key.
    """
    parsed: dict[str, Any] = {}
    for key, value in overrides.items():
        if not isinstance(value, str) or key in _TEXTS:
            parsed[key] = value
        elif key in _NAMES:
            parsed[key] = tuple(name.strip() for name in value.strip("[]").split(",") if name.strip())
        else:
            parsed[key] = _literal(key, value)
    return parsed


def _literal(key: str, text: str) -> Any:
    if key in ("labels", "colours") and "=" in text:
        pairs = (item.partition("=") for item in text.split(","))
        return {as_value(name.strip()): value.strip() for name, _, value in pairs}
    if "," in text and text.lstrip()[:1] not in ("[", "{"):
        text = f"[{text}]"
    return plain_yaml(text, f"The card's {key} ({shown(text)})")
