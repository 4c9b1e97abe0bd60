"""The reviews of a run: its cases from a run folder or from a run that has just ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import RegionScore, evaluate
from napari_osuda.imaging import digest_of, modality_of, read_labels, read_volume, title_of
from napari_osuda.imaging.volumes import without_suffix
from napari_osuda.session.review.log import PLANES, Plane
from napari_osuda.session.review.record import ReviewRecord
from napari_osuda.session.review.review import Review, ReviewCase

if TYPE_CHECKING:
    from napari_osuda.session.job import RunResult

__all__ = ["CaseImage", "ReviewRun", "chosen_image", "is_run_folder"]

"""In a layer's metadata: which mask of a run it shows, so that it is never taken for an input."""

"""In a layer's metadata: {"folder", "case"} of the run folder that it was opened from."""

# The contrast that shows a glioma best, where there are several to choose from.
_SHOWN_FIRST = ("flair", "t2", "t1ce", "t1")


@dataclass(frozen=True, eq=False)
class CaseImage:
    """One channel of a case: float32 [I, J, K] in the case's own array order, and where it was read.

    ``title`` is what it is called on a screen: as it was when it was given to the model, else as its DICOM
    series or its file, since a model for T2 may have been given a FLAIR.
    """

    channel: str
    title: str
    data: NDArray[np.float32]
    path: Path


def chosen_image(channels: Sequence[str]) -> int:
    """Place of the channel that is shown first, by names of channels, files or DICOM series."""
    contrasts = [modality_of(channel) for channel in channels]
    return next((contrasts.index(wanted) for wanted in _SHOWN_FIRST if wanted in contrasts), 0)


def is_run_folder(path: Path | str) -> bool:
    """Whether there is a run's record in that folder."""
    return (Path(path) / "run.json").is_file()


class ReviewRun:
    """The cases of a run, each with its review.

    Parameters
    ----------
    record : mapping
        The run's ``run.json``.
    folder : Path or None
        Where it is; None for a run that was not written.
    result : RunResult, optional
        Of a run that has just ended: its masks are taken from memory.

    Attributes
    ----------
    names : tuple of str
        Cases that have both masks, in the run's order.
    references : dict of str to integer array [I, J, K]
        For scores; never used to decide anything.
    """

    def __init__(
        self, record: Mapping[str, Any], folder: Path | None, result: RunResult | None = None
    ) -> None:
        self.run = record
        self.folder = folder
        self.result = result
        self._in_memory = (
            {} if result is None else {c.case.name: c for c in result.cases if c.after is not None}
        )
        self._entries: dict[str, Mapping[str, Any]] = {str(c["name"]): c for c in record["cases"]}
        self.names = tuple(name for name in self._entries if self._has_both(name))
        self._reviews: dict[str, Review] = {}
        self.references: dict[str, NDArray[Any]] = {}
        if result is not None:
            for index, case in enumerate(result.cases):
                reference = result.job.reference(index)
                if reference is not None:
                    self.references[case.case.name] = reference
        if not self.names:
            where = "This run" if folder is None else f"The run in {folder}"
            raise CaseError(
                f"{where} ended before any adapted mask was made, so there is nothing to review. "
                "Resume it, or run it again."
            )
        about = {key: record.get(key) for key in ("version", "method", "config", "ended")}
        about["model_sha256"] = record.get("model", {}).get("sha256")
        self.record = ReviewRecord(folder, about)

    @classmethod
    def of_folder(cls, folder: Path | str) -> ReviewRun:
        """Open a run folder.

        Raises
        ------
        CaseError
            It is none, is damaged, or holds nothing to review.
        """
        folder = Path(folder)
        path = folder / "run.json"
        if not path.is_file():
            raise CaseError(f"{folder} is not a run folder: there is no run.json in it.")
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            # A name is a file's name: one that leads elsewhere would have masks read and written there.
            named = all(Path(c["name"]).name == c["name"] != "" for c in record["cases"])
            whole = named and record["model"]["card"]["labels"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CaseError(f"{path} cannot be read as the record of a run ({error}).") from error
        if not whole:
            raise CaseError(f"{path} is not the record of a run: a case or a label of it has no proper name.")
        return cls(record, folder)

    @classmethod
    def of_result(cls, result: RunResult) -> ReviewRun:
        """Take a run that has just ended; its folder, if it has one, keeps the record.

        Raises
        ------
        CaseError
            It made no adapted mask.
        """
        from napari_osuda.session.run_folder.record import run_record

        return cls(run_record(result), result.folder, result)

    @property
    def card(self) -> Mapping[str, Any]:
        """The model card as run.json has it."""
        return cast("Mapping[str, Any]", self.run["model"]["card"])

    @property
    def regions(self) -> dict[str, Sequence[int]]:
        """What is scored: the card's regions, else each label."""
        return dict(self.card.get("regions") or {}) or {n: (v,) for v, n in self.labels.items() if v != 0}

    @property
    def labels(self) -> dict[int, str]:
        """Name of each value."""
        return {int(value): str(name) for value, name in self.card["labels"].items()}

    @property
    def colors(self) -> dict[int, str]:
        """``#rrggbb`` of each value."""
        return {int(value): str(color) for value, color in (self.card.get("colours") or {}).items()}

    def review(self, name: str) -> Review:
        """The review of a case, loaded when it is first asked for.

        Raises
        ------
        CaseError
            A file of it cannot be read, or its record belongs to other masks.
        """
        if name not in self._reviews:
            self._reviews[name] = self.record.open_case(self._case(name))
        return self._reviews[name]

    def images(self, name: str) -> tuple[list[CaseImage], list[str]]:
        """The channels of a case from where the run read them, and a sentence for each that is missing."""
        known = self._in_memory.get(name)
        inputs = self._entries[name]["inputs"]
        if known is not None:
            return [
                CaseImage(s.channel, _title(inputs[k], s.path), known.case.data[k], s.path or Path(s.channel))
                for k, s in enumerate(known.case.sources)
            ], []
        found, missing = [], []
        for place, entry in enumerate(inputs):
            channel = str(entry["channel"])
            path = self.path_of(entry)
            if path is None:
                given = entry.get("path")
                missing.append(
                    f"The image {channel} of case {name} came from an open layer and from no file: open it "
                    "beside the masks."
                    if given is None
                    else f"The image {channel} of case {name} is no longer at {given}: move it back, or open "
                    "it from where it is now."
                )
                continue
            try:
                data = read_volume(path).data
            except CaseError as error:
                missing.append(str(error))
                continue
            if data.ndim == 4:
                data = data[..., sum(other.get("path") == entry["path"] for other in inputs[:place])]
            if data.shape != self.review(name).case.grid.shape:
                missing.append(f"{path} has another shape now than when the run read it; it is not shown.")
                continue
            if entry.get("sha256") and digest_of(path) != entry["sha256"]:
                missing.append(f"{path} is not the file that the run read: its contents have changed since.")
            found.append(CaseImage(channel, _title(entry, path), data, path))
        return found, missing

    def state(self, name: str) -> str:
        """Where a case stands: "to do", "under way", "decided", "saved" or "changed since saved"."""
        if self.record.saved(name) is not None:
            return "saved" if self.record.in_step(name) else "changed since saved"
        opened = self._reviews.get(name)
        if opened is not None and opened.touched:
            return "decided" if opened.complete else "under way"
        return "under way" if opened is None and self.record.length(name) else "to do"

    def scores(self, name: str) -> dict[str, list[RegionScore]]:
        """Scores of before, after and final against the case's reference; empty without one."""
        reference = self.references.get(name)
        if reference is None:
            return {}
        review = self.review(name)
        case = review.case
        masks = {"before": case.before, "after": case.after, "final": review.final}
        return {
            which: evaluate(mask, reference, case.grid.affine, self.regions, tuple(self.labels))
            for which, mask in masks.items()
        }

    def best_progress(self, review: Review) -> tuple[int, int]:
        """Progress in the plane that is furthest."""
        return max((review.progress(plane) for plane in PLANES), key=lambda p: p[0] / max(p[1], 1))

    def path_of(self, entry: Mapping[str, Any]) -> Path | None:
        """Where an input is: as it was given, or relative to the run folder or the folder around it.

        None where it is no longer there, or was no file.
        """
        if not entry.get("path"):
            return None
        given = Path(str(entry["path"]))
        places = [given]
        if self.folder is not None and not given.is_absolute():
            places += [self.folder / given, self.folder.parent / given]
        return next((place for place in places if place.is_file()), None)

    def _has_both(self, name: str) -> bool:
        if self._in_memory:
            return name in self._in_memory
        return self.folder is not None and all(
            (self.folder / which / f"{name}.nii.gz").is_file() for which in ("before", "after")
        )

    def _case(self, name: str) -> ReviewCase:
        entry, known = self._entries[name], self._in_memory.get(name)
        if known is not None:
            assert known.after is not None
            before, after, grid = known.before, known.after, known.case.grid
            uncertainty: NDArray[np.floating[Any]] | None = known.uncertainty
        else:
            assert self.folder is not None
            before, grid = read_labels(self.folder / "before" / f"{name}.nii.gz")
            after, _ = read_labels(self.folder / "after" / f"{name}.nii.gz")
            doubt = self.folder / "uncertainty" / f"{name}.nii.gz"
            uncertainty = read_volume(doubt).data if doubt.is_file() else None
        advice = entry.get("recommendation") or {}
        plane = self.card.get("plane")
        return ReviewCase(
            name=name,
            before=before,
            after=after,
            grid=grid,
            labels=self.labels,
            colors=self.colors,
            regions=self.regions,
            plane=cast("Plane", plane) if plane in PLANES else "axial",
            decision=advice.get("decision"),
            reasons=tuple(advice.get("reasons", ())),
            inputs=tuple(entry["inputs"]),
            uncertainty=uncertainty,
        )


def _title(entry: Mapping[str, Any], path: Path | None) -> str:
    """What to call an input that is at ``path``; records of before it was kept hold no title."""
    if entry.get("title") or path is None:
        return str(entry.get("title") or entry["channel"])
    called = title_of(path) or without_suffix(path.name)
    return f"{called} {entry['channel']}" if len(entry["shape"]) == 4 else called
