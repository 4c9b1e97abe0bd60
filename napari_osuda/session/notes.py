"""Things that the user should know of a run and that stop nothing: what kind, and in words."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Note", "NoteKind"]


class NoteKind(enum.StrEnum):
    """What a note is about; the value stands in ``run.json``."""

    SMALL_BATCHES = "small batches"
    NO_REPEAT = "no repeat"
    CONTRAST = "contrast"
    RESUMED = "resumed"
    STOPPED = "stopped"
    MEMORY = "memory"
    COLLAPSE = "collapse"
    FALLBACK = "fallback"
    CHOICE = "choice"
    MODEL_FORM = "model form"
    FIELD_OF_VIEW = "field of view"
    WHOLE_HEAD = "whole head"
    PLACE = "place"
    GRID = "grid"
    GAPS = "gaps"
    BRAIN_MASK = "brain mask"
    BIAS_FIELD = "bias field"
    OTHER = "other"


@dataclass(frozen=True)
class Note:
    """A note of a run: programs go by ``kind``, people by ``text``."""

    kind: NoteKind
    text: str
