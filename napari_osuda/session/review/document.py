"""``review.json`` as it stands in a run folder: typed before anything is taken from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from napari_osuda.errors import CaseError
from napari_osuda.session.review.log import Entry, in_force
from napari_osuda.session.run_folder.documents import FileName, RunDocument

__all__ = ["REVIEW_FORMAT", "ReviewDocument"]

REVIEW_FORMAT = 1


def _entries(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A log whose entries are entries, and whose undos have something to undo."""
    try:
        in_force(map(Entry.from_dict, log))
    except CaseError as error:
        raise ValueError(str(error)) from None
    except IndexError:
        raise ValueError("the log contradicts itself: it undoes more than was done") from None
    return log


class Position(RunDocument):
    """Where the reviewer was last."""

    plane: Literal["axial", "coronal", "sagittal"]
    slice: Annotated[int, Field(ge=0)]


class SavedFinal(RunDocument):
    """One time that a final mask was written."""

    who: str = ""
    when: str = ""
    file: str = ""
    sha256: str = ""
    entries: int | None = None
    masks: dict[str, str] | None = None


class CaseDocument(RunDocument):
    """The review of one case."""

    log: Annotated[list[dict[str, Any]], AfterValidator(_entries)]
    masks: dict[str, str]
    place: Position | None = None
    saved: list[SavedFinal] = Field(default_factory=list)


class ReviewDocument(RunDocument):
    """All of it."""

    format: Literal[1]
    cases: dict[FileName, CaseDocument]
    last_case: str | None = None
