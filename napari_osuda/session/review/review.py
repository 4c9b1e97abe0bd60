"""The review of one case: a person's decisions on its masks, slice by slice, and the final mask they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_osuda.session.review.case import Labels, Mask, ReviewCase, plane_axes
from napari_osuda.session.review.final_mask import FinalMask
from napari_osuda.session.review.log import CHOICES, PLANES, Entry, Kind, SlicePlane, in_force
from napari_osuda.session.review.tools.use import Tool, ToolUse
from napari_osuda.session.review.validity import still_valid
from napari_osuda.session.run_folder.documents import now

__all__ = ["Review"]

# What these tools leave behind is no slice that a person has drawn.
_NO_ENDS = (Tool.INTERPOLATE, Tool.BRING_BACK)


class Review:
    """Decisions on one case; ``final`` is always what they say.

    Parameters
    ----------
    case : ReviewCase
    log : sequence of Entry
        Of an earlier sitting.
    edits : mapping of int to integer array
        For each index in the log that holds an "edited" entry, the slices as they were painted,
        [len(slices), ...] with the plane's axis first.
    on_entry : callable, optional
        Called with (index in the log, entry, edited slices or None) before the entry takes effect, to write
        it down. If it raises, nothing has been decided.

    Attributes
    ----------
    final : integer array [I, J, K]
        Changed in place, so that a viewer can show this very array. Slices that nobody has decided hold the
        guard's choice. Where slices of two planes cross, the later decision holds.
    log : list of Entry
    """

    def __init__(
        self,
        case: ReviewCase,
        log: Sequence[Entry] = (),
        edits: Mapping[int, Labels] | None = None,
        on_entry: Callable[[int, Entry, Labels | None], None] | None = None,
    ) -> None:
        self.case = case
        self.axes = plane_axes(case.grid)
        self.log: list[Entry] = list(log)
        self.on_entry = on_entry
        self._edits: dict[int, Labels] = dict(edits or {})
        self._mask = FinalMask(case, self.axes)
        either = (case.before != 0) | (case.after != 0)
        others = {plane: tuple(a for a in range(3) if a != axis) for plane, axis in self.axes.items()}
        self._marked = {plane: either.any(axis=axes) for plane, axes in others.items()}
        self._choices: dict[SlicePlane, list[Entry | None]] = {}
        self._flags: dict[SlicePlane, list[Entry | None]] = {}
        self._volume_flag: Entry | None = None
        self._lapsed: dict[SlicePlane, set[int]] = {}
        self._replay()

    # What was decided

    @property
    def final(self) -> Labels:
        """The final mask [I, J, K], always the same array."""
        return self._mask.labels

    def count(self, plane: SlicePlane) -> int:
        """Slices of a plane."""
        return self.case.grid.shape[self.axes[plane]]

    def choice(self, plane: SlicePlane, index: int) -> Entry | None:
        """The decision on what a slice is, if there is one."""
        return self._choices[plane][index]

    def flag(self, plane: SlicePlane, index: int) -> Entry | None:
        """The reviewer's flag on a slice, if there is one."""
        return self._flags[plane][index]

    def lapsed(self, plane: SlicePlane) -> list[int]:
        """Undecided slices that were decided on another mask than there is now."""
        return sorted(i for i in self._lapsed[plane] if self._choices[plane][i] is None)

    def painted(self, plane: SlicePlane, slices: Sequence[int]) -> list[int]:
        """Those of the slices that hold something painted, in this plane or across another."""
        return self._mask.painted(plane, slices)

    @property
    def any_painted(self) -> bool:
        """Whether anything painted stands in the final mask."""
        return self._mask.any_painted

    def drawn(self, plane: SlicePlane) -> list[int]:
        """Slices that a person has painted, or mended with a tool: those that interpolation goes between."""
        chosen = ((index, self._choices[plane][index]) for index in range(self.count(plane)))
        by_hand = [(i, e) for i, e in chosen if e is not None and e.kind == "edited"]
        return [i for i, e in by_hand if e.use is None or e.use.tool not in _NO_ENDS]

    def pending(self) -> NDArray[np.bool_]:
        """Voxels [I, J, K] that were painted and are no decision yet."""
        return self._mask.pending()

    def revert(self, where: NDArray[np.bool_] | None = None) -> None:
        """Undo what was painted and is no decision yet, everywhere or at some voxels."""
        self._mask.revert(where)

    @property
    def voxels(self) -> dict[int, int]:
        """Voxels of each label in the final mask by decision, but for the background."""
        return self._mask.tally.voxels

    @property
    def decisions(self) -> int:
        """How many decisions and flags hold."""
        return len(in_force(self.log)[0])

    @property
    def volume_flag(self) -> Entry | None:
        """The reviewer's flag on the case as a whole, if there is one."""
        return self._volume_flag

    def undecided(self, plane: SlicePlane) -> list[int]:
        """Slices of a plane that need a decision and have none."""
        return [index for index in self.to_decide(plane) if self._choices[plane][index] is None]

    def to_decide(self, plane: SlicePlane) -> list[int]:
        """Slices of a plane that need a decision: those with any label before, after or by decision."""
        marked = self._marked[plane] | (self._mask.tally.held[plane] > 0)
        return [index for index in range(self.count(plane)) if marked[index] or self._choices[plane][index]]

    def progress(self, plane: SlicePlane) -> tuple[int, int]:
        """Slices of a plane that are decided, and those that need it."""
        wanted = self.to_decide(plane)
        return sum(self._choices[plane][index] is not None for index in wanted), len(wanted)

    @property
    def complete(self) -> bool:
        """Whether every slice of some plane that needs a decision has one: then so has every voxel."""
        return any(done == total for done, total in map(self.progress, PLANES))

    @property
    def can_undo(self) -> bool:
        """Whether any decision or flag holds."""
        return bool(in_force(self.log)[0])

    @property
    def can_redo(self) -> bool:
        """Whether anything was undone that can be redone."""
        return bool(in_force(self.log)[1])

    # Deciding

    def decide(self, kind: Kind, plane: SlicePlane | None, slices: Sequence[int] = (), who: str = "") -> None:
        """Take the slices of the mask "after" or "before", or with ``plane`` None the whole of it.

        Raises
        ------
        ValueError
            The kind is another, or there is no such slice.
        """
        if kind not in ("after", "before"):
            raise ValueError(f"A mask is taken from before or after, not {kind!r}.")
        chosen = self._checked(plane, slices)
        seen = self.case.digests(kind, plane, chosen)
        self._enter(Entry(kind, plane, chosen, who=who, when=now(), seen=seen))

    def set_flag(
        self,
        flagged: bool,
        plane: SlicePlane | None,
        slices: Sequence[int] = (),
        comment: str = "",
        who: str = "",
    ) -> None:
        """Flag slices, or the whole case, with a comment; or take the flag away."""
        kind: Kind = "flag" if flagged else "unflag"
        self._enter(Entry(kind, plane, self._checked(plane, slices), comment, who, now()))

    def commit_edit(self, plane: SlicePlane, who: str = "", use: ToolUse | None = None) -> tuple[int, ...]:
        """Make what was painted into ``final``, by a brush or a tool, a decision on the slices it changed.

        Returns
        -------
        tuple of int
            These slices; empty if nothing differs.
        """
        slices = self._mask.pending_slices(plane)
        if slices:
            painted = self._mask.slices(plane, slices)
            try:
                self._enter(Entry("edited", plane, slices, who=who, when=now(), use=use), painted)
            except BaseException:
                self._mask.revert()
                raise
        return slices

    def undo(self, who: str = "") -> Entry | None:
        """Undo the last decision or flag that holds; which one it was."""
        done, _ = in_force(self.log)
        return self._step("undo", done, who)

    def redo(self, who: str = "") -> Entry | None:
        """Redo what was undone last; which one it was."""
        _, undone = in_force(self.log)
        return self._step("redo", undone, who)

    # How

    def _step(self, kind: Kind, stack: list[int], who: str) -> Entry | None:
        if not stack:
            return None
        self._enter(Entry(kind, who=who, when=now()))
        return self.log[stack[-1]]

    def _enter(self, entry: Entry, painted: Labels | None = None) -> None:
        if self.on_entry is not None:
            self.on_entry(len(self.log), entry, painted)
        if painted is not None:
            self._edits[len(self.log)] = painted
        self.log.append(entry)
        if entry.kind in ("undo", "redo"):
            self._replay()
        else:
            self._apply(len(self.log) - 1)

    def renew(self) -> None:
        """Take in what was written into entries of the log since, such as a name."""
        self._replay()

    def _replay(self) -> None:
        """Go through the decisions that hold from the beginning: a few milliseconds for hundreds of them."""
        for plane in self.axes:
            self._choices[plane] = [None] * self.count(plane)
            self._flags[plane] = [None] * self.count(plane)
            self._lapsed[plane] = set()
        self._volume_flag = None
        self._mask.fill(self.case.proposed)
        for index in in_force(self.log)[0]:
            self._apply(index)

    def _apply(self, index: int) -> None:
        entry, gone = still_valid(self.case, self.log[index], self._edits.get(index))
        for plane, slices in gone.items():
            self._lapsed[plane] |= slices
        if entry is None:
            return
        if entry.kind in CHOICES:
            self._take(index, entry)
            self._note(self._choices, entry, self.log[index])
        else:
            flag = self.log[index] if entry.kind == "flag" else None
            self._note(self._flags, entry, flag)
            if entry.plane is None:
                self._volume_flag = flag

    def _take(self, index: int, entry: Entry) -> None:
        kind: Mask = "after" if entry.kind == "after" else "before"
        if entry.plane is None:
            self._mask.fill(kind)
        elif entry.kind == "edited":
            self._mask.put(entry.plane, entry.slices, self._edits[index], painted=True)
        else:
            self._mask.take(kind, entry.plane, entry.slices)

    def _note(self, book: dict[SlicePlane, list[Entry | None]], entry: Entry, value: Entry | None) -> None:
        if entry.plane is not None:
            for index in entry.slices:
                book[entry.plane][index] = value
        elif book is self._choices:
            # A whole mask was taken: that decides the slices of every plane. A flag on a case is its own.
            for plane, column in book.items():
                book[plane] = [value] * len(column)

    def _checked(self, plane: SlicePlane | None, slices: Sequence[int]) -> tuple[int, ...]:
        chosen = tuple(dict.fromkeys(int(index) for index in slices))
        if plane is None:
            return ()
        if not chosen or min(chosen) < 0 or max(chosen) >= self.count(plane):
            raise ValueError(f"There are {self.count(plane)} {plane} slices; {list(chosen)} are not of them.")
        return chosen
