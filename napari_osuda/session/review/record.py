"""review.json of a run folder: every decision of the reviewer, written down before it takes effect."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError, OutputError, cannot_write
from napari_osuda.files import path_inside, written_whole
from napari_osuda.locks import locked
from napari_osuda.session.review.case import ReviewCase
from napari_osuda.session.review.document import REVIEW_FORMAT, ReviewDocument
from napari_osuda.session.review.log import Entry, in_force
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.wording import other_window
from napari_osuda.session.run_folder.arrays import read_arrays
from napari_osuda.session.run_folder.documents import now, read_document
from napari_osuda.version import __version__

__all__ = ["REVIEW_FILE", "ReviewRecord", "recorded_decisions"]

REVIEW_FILE = "review.json"
_EDITS = "review_edits"


class ReviewRecord:
    """The reviews of a run's cases, in memory and, given a folder, in its ``review.json``.

    Parameters
    ----------
    folder : Path or None
        Run folder; None keeps the record in memory until `move_to`.
    run : mapping
        What the record says of the run: version, method, settings, model.

    Raises
    ------
    CaseError
        The folder holds a review.json that cannot be read.
    """

    def __init__(self, folder: Path | None, run: Mapping[str, Any]) -> None:
        self.folder = folder
        self._document: dict[str, Any] = {
            "format": REVIEW_FORMAT,
            "version": __version__,
            "run": dict(run),
            "libraries": {name: importlib.metadata.version(name) for name in ("napari", "numpy", "nibabel")},
            "cases": {},
        }
        # The file's time and size when it was last ours: another window may have written since.
        self._seen: tuple[int, int] | None = None
        # Painted slices by case and index in its log; a folder has them as files.
        self._painted: dict[str, dict[int, NDArray[Any]]] = {}
        # Reviews of this sitting, and how long their logs were when it began.
        self._opened: dict[str, tuple[Review, int]] = {}
        if folder is not None and (folder / REVIEW_FILE).exists():
            self._document["cases"] = self._read(folder / REVIEW_FILE)["cases"]
            self._seen = _stamp(folder / REVIEW_FILE)

    def open_case(self, case: ReviewCase) -> Review:
        """The review of a case as it stands, whose decisions are recorded from now on.

        Where the run was done again since, or another iteration chosen, the decisions on slices that are the
        same as ever hold, and so does what was painted.

        Raises
        ------
        CaseError
            What was recorded is damaged.
        """
        known = self._document["cases"].get(case.name)
        masks = {"before": _digest(case.before), "after": _digest(case.after)}
        log: list[Entry] = []
        edits: dict[int, NDArray[Any]] = {}
        if known is None:
            known = {"masks": masks, "log": [], "place": None, "saved": []}
            self._document["cases"][case.name] = known
        else:
            changed = {mask for mask, digest in masks.items() if known["masks"].get(mask) != digest}
            log = [_lapsing(Entry.from_dict(values), changed) for values in known["log"]]
            edits = {index: self._edit(case, index) for index, e in enumerate(log) if e.kind == "edited"}
            for row in known["saved"]:
                row.setdefault("masks", known["masks"])
            known["log"][:] = [entry.to_dict() for entry in log]
            known["masks"] = masks

        self._painted[case.name] = painted = dict(edits)

        def write_down(index: int, entry: Entry, slices: NDArray[Any] | None) -> None:
            if slices is not None:
                painted[index] = slices
                self._write_edit(case.name, index, slices)
            known["log"].append(entry.to_dict())
            try:
                self.write()
            except BaseException:
                known["log"].pop()
                raise

        try:
            review = Review(case, log, edits, write_down)
            self._opened[case.name] = (review, len(log))
            return review
        except (IndexError, KeyError, ValueError) as error:
            raise CaseError(
                f"The log of case {case.name} in {self._where()} contradicts itself ({error}); the file has "
                "been changed by hand or belongs to another run."
            ) from error

    def position(self, name: str) -> dict[str, Any] | None:
        """Where the reviewer was last, {"plane", "slice"}, in a case."""
        found = self._document["cases"].get(name, {}).get("place")
        return dict(found) if isinstance(found, dict) else None

    def set_position(self, name: str, plane: str, index: int) -> None:
        """Keep in mind where the reviewer is; it is written with the next decision, or by `write`."""
        if name in self._document["cases"]:
            self._document["cases"][name]["place"] = {"plane": plane, "slice": index}
            self._document["last_case"] = name

    @property
    def last_case(self) -> str | None:
        """The case in which the reviewer was last."""
        last = self._document.get("last_case")
        return last if last in self._document["cases"] else None

    def saved(self, name: str) -> dict[str, Any] | None:
        """The last time the final mask of a case was written: who, when, file, sha256, undecided."""
        rows = self._document["cases"].get(name, {}).get("saved", [])
        return dict(rows[-1]) if rows else None

    def add_saved(self, name: str, row: Mapping[str, Any]) -> None:
        """Note that a final mask was written."""
        known = self._document["cases"][name]
        known["saved"].append({"when": now(), "masks": dict(known["masks"]), **row})
        self.write()

    def sign(self, name: str, who: str) -> None:
        """Put a name to what was decided in this sitting before one was given."""
        if name not in self._opened:
            return
        review, begin = self._opened[name]
        for index in range(begin, len(review.log)):
            if not review.log[index].who:
                review.log[index] = dataclasses.replace(review.log[index], who=who)
                self._document["cases"][name]["log"][index]["who"] = who
        review.renew()

    def take_over(self, earlier: ReviewRecord) -> None:
        """Go on with the decisions of a run that is in memory, whose masks have changed since."""
        self._document["cases"] = copy.deepcopy(earlier._document["cases"])
        self._document["last_case"] = earlier.last_case
        self._painted = {name: dict(edits) for name, edits in earlier._painted.items()}

    def length(self, name: str) -> int:
        """Entries in a case's log."""
        return len(self._document["cases"].get(name, {}).get("log", []))

    def in_step(self, name: str) -> bool:
        """Whether nothing was decided, and no mask changed, since the final mask was last written."""
        last = self.saved(name)
        if last is None or last.get("entries") != self.length(name):
            return False
        masks = self._document["cases"][name]["masks"]
        return bool(last.get("masks", masks) == masks)

    def move_to(self, folder: Path) -> None:
        """Keep the record in a run folder from now on, and write all of it there."""
        self.folder, self._seen = folder, None
        for name, edits in self._painted.items():
            for index, slices in edits.items():
                self._write_edit(name, index, slices)
        self.write()

    def write(self) -> None:
        """Write review.json whole.

        Raises
        ------
        OutputError
            It cannot be written, or something else has written it meanwhile.
        """
        if self.folder is None:
            return
        path = self.folder / REVIEW_FILE
        text = json.dumps(self._document, indent=1, ensure_ascii=False) + "\n"
        # Held from the look at the file to the end of its writing: no other window comes between.
        with locked(self.folder, ".review.lock", wait=5.0, busy=other_window(path)):
            if path.exists() and _stamp(path) != self._seen:
                raise OutputError(other_window(path))
            try:
                with written_whole(path) as partial:
                    partial.write_text(text, encoding="utf-8")
                self._seen = _stamp(path)
            except OSError as error:
                raise cannot_write(path, error) from error

    def _where(self) -> str:
        return "The review" if self.folder is None else str(self.folder / REVIEW_FILE)

    def _read(self, path: Path) -> dict[str, Any]:
        document = _read(path).model_dump(exclude_unset=True)
        for case in document["cases"].values():
            case.setdefault("saved", [])
        self._document["last_case"] = document.get("last_case")
        return document

    def _edit_path(self, name: str, index: int) -> Path:
        assert self.folder is not None
        return path_inside(self.folder, _EDITS, f"{name}-{index:05d}.npz")

    def _write_edit(self, name: str, index: int, slices: NDArray[Any]) -> None:
        if self.folder is None:
            return
        path = self._edit_path(name, index)
        try:
            with written_whole(path) as partial, open(partial, "wb") as stream:
                np.savez_compressed(stream, labels=slices)
        except OSError as error:
            raise cannot_write(path, error) from error

    def _edit(self, case: ReviewCase, index: int) -> NDArray[Any]:
        if self.folder is None:
            return self._painted[case.name][index]
        path = self._edit_path(case.name, index)
        try:
            labels = read_arrays(path)["labels"]
            if labels.dtype.kind not in "biu":
                raise ValueError(f"it holds {labels.dtype.name}, not labels")
            return labels
        except (OSError, ValueError, KeyError) as error:
            raise CaseError(
                f"{path}, which holds slices that were painted, cannot be read ({error})."
            ) from error


def recorded_decisions(folder: Path) -> int:
    """How many decisions and flags a run folder holds that nobody has undone; 0 where there is no record."""
    try:
        document = _read(folder / REVIEW_FILE)
        return sum(len(in_force(map(Entry.from_dict, case.log))[0]) for case in document.cases.values())
    except CaseError:
        return 0


def _read(path: Path) -> ReviewDocument:
    return read_document(path, ReviewDocument, "the record of a review", _of_this_form, fault=CaseError)


def _of_this_form(document: dict[str, Any]) -> dict[str, Any]:
    form = document.get("format")
    if form != REVIEW_FORMAT:
        raise CaseError(
            f"The review's record is not one of this version (format {form}, expected {REVIEW_FORMAT}): "
            "update napari-osuda, or move the file away to start again."
        )
    return document


def _lapsing(entry: Entry, changed: set[str]) -> Entry:
    """An entry of a record that kept no digests of slices: it lapses with its mask."""
    if entry.kind not in changed or entry.seen:
        return entry
    return dataclasses.replace(entry, seen=("",) * max(len(entry.slices), 1))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _digest(mask: NDArray[Any]) -> str:
    """SHA-256 of the labels as uint16 in C order, whatever type a file held them in."""
    return hashlib.sha256(np.ascontiguousarray(mask, dtype=np.uint16).data).hexdigest()
