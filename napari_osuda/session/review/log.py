"""The log of a review: what was decided, by whom and when, in the order in which it happened.

Nothing is ever taken out of the log: an undo is an entry of its own. What holds is what `in_force` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from napari_osuda.errors import CaseError
from napari_osuda.session.review.tools.use import ToolUse

__all__ = ["CHOICES", "PLANES", "Entry", "Kind", "SlicePlane", "in_force"]

Kind = Literal["after", "before", "edited", "flag", "unflag", "undo", "redo"]
SlicePlane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[SlicePlane, ...] = get_args(SlicePlane)

CHOICES: tuple[Kind, ...] = ("after", "before", "edited")
"""The kinds that say what a slice of the final mask is."""


@dataclass(frozen=True)
class Entry:
    """One act of the reviewer.

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
    slices: tuple[int, ...] = ()
    comment: str = ""
    who: str = ""
    when: str = ""
    seen: tuple[str, ...] = ()
    use: ToolUse | None = None

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
        kind, plane = values.get("kind"), values.get("plane")
        slices, seen = values.get("slices", ()), values.get("seen", [])
        known = kind in get_args(Kind) and (plane is None or plane in PLANES)
        listed = isinstance(slices, list) and isinstance(seen, list)
        if not known or not listed or not all(isinstance(s, int) for s in slices):
            raise CaseError(f"The review's log has an entry that is none: {dict(values)}.")
        texts = {key: str(values.get(key, "")) for key in ("comment", "who", "when")}
        digests = tuple(map(str, seen))
        try:
            use = ToolUse.from_dict(values["use"]) if values.get("use") else None
        except (ValueError, TypeError, AttributeError) as error:
            raise CaseError(f"The review's log has an edit by an unknown tool: {error}.") from None
        named, of = cast("Kind", kind), cast("SlicePlane | None", plane)
        return cls(named, of, tuple(slices), **texts, seen=digests, use=use)


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
