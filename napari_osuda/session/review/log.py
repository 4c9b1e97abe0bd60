"""The log of a review: what was decided, by whom and when, in the order in which it happened.

Nothing is ever taken out of the log: an undo is an entry of its own. What holds is what `in_force` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from napari_osuda.errors import CaseError
from napari_osuda.session.review.tools.use import ToolUse

__all__ = ["CHOICES", "PLANES", "Entry", "Kind", "SlicePlane", "in_force"]

Kind = Literal["after", "before", "edited", "flag", "unflag", "undo", "redo"]
SlicePlane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[SlicePlane, ...] = get_args(SlicePlane)

# As a stranger may have written them.
_Index = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
_Text = Annotated[str, Field(max_length=10_000)]

CHOICES: tuple[Kind, ...] = ("after", "before", "edited")
"""The kinds that say what a slice of the final mask is."""


def _use(value: object) -> object:
    """A tool's use by the checks of its own record."""
    try:
        return ToolUse.from_dict(value) if isinstance(value, Mapping) else value
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True)
class Entry:
    """One decision of the reviewer.

    Attributes
    ----------
    kind : {"after", "before", "edited", "flag", "unflag", "undo", "redo"}
        "after" and "before" take that mask's slices; "edited" takes what was painted.
    plane : {"axial", "coronal", "sagittal"} or None
        Which slices are meant; None: the whole volume.
    slices : tuple of int
        Indices along the plane's axis of the case's own array; empty for the whole volume.
    comment : str
        Of a flag.
    who : str
        The reviewer.
    when : str
        ISO 8601, UTC.
    seen : tuple of str
        Of "after" and "before": a digest of each slice that was taken (of the whole mask for the whole
        volume), so that the decision holds only for as long as the mask is the one that was looked at.
    use : ToolUse or None
        Of "edited": the tool that did it and its parameters; None for the plain brush.
    """

    kind: Kind
    plane: SlicePlane | None = None
    slices: tuple[_Index, ...] = ()
    comment: _Text = ""
    who: _Text = ""
    when: _Text = ""
    seen: tuple[_Text, ...] = ()
    use: Annotated[ToolUse | None, BeforeValidator(_use)] = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        values = {**asdict(self), "slices": list(self.slices), "seen": list(self.seen)}
        values["use"] = None if self.use is None else self.use.to_dict()
        return {key: value for key, value in values.items() if value or key not in ("seen", "use")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Entry:
        """Inverse of `to_dict`.

        Raises
        ------
        CaseError
            The values are not those of an entry.
        """
        try:
            return _ENTRY.validate_python(dict(values))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise CaseError(
                f"The review's log has an entry that is not valid ({where[:80]}: {first['msg'][:200]})."
            ) from None


_ENTRY = TypeAdapter(Entry)


def in_force(log: Iterable[Entry]) -> tuple[list[int], list[int]]:
    """Which entries of a log hold, in order, and which a redo would bring back, the next one last.

    Returns
    -------
    done, undone : list of int
        Places in the log.
    """
    done: list[int] = []
    undone: list[int] = []
    for index, entry in enumerate(log):
        if entry.kind == "undo":
            undone.append(done.pop())
        elif entry.kind == "redo":
            done.append(undone.pop())
        else:
            done.append(index)
            undone.clear()
    return done, undone
