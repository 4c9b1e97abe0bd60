"""The reviews of a run: its cases from a run folder or from a run that has just ended."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import RegionScore, evaluate
from napari_osuda.files import path_inside
from napari_osuda.imaging import digest_of, read_labels, read_volume, title_of
from napari_osuda.imaging.preparation.common_grid import moved_to, same_voxels
from napari_osuda.imaging.volumes import without_suffix
from napari_osuda.models.card_defaults import named_regions
from napari_osuda.session.review.case import ReviewCase
from napari_osuda.session.review.log import PLANES, SlicePlane
from napari_osuda.session.review.record import ReviewRecord
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.wording import changed_image, missing_image, other_shape
from napari_osuda.session.run_folder.record import CardRecord, InputRecord, RunRecord, read_record
from napari_osuda.session.run_folder.record_of_run import run_record

if TYPE_CHECKING:
    from napari_osuda.session.job import RunResult

__all__ = ["CaseImage", "CaseState", "ReviewRun"]


class CaseState(enum.StrEnum):
    """Where the review of a case stands, in the worklist's words."""

    TO_DO = "to do"
    UNDER_WAY = "under way"
    DECIDED = "decided"
    SAVED = "saved"
    CHANGED = "changed since saved"


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


class ReviewRun:
    """The cases of a run, each with its review.

    Parameters
    ----------
    record : RunRecord
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

    def __init__(self, record: RunRecord, folder: Path | None, result: RunResult | None = None) -> None:
        self.run = record
        self.folder = folder
        self.result = result
        self._in_memory = (
            {} if result is None else {c.case.name: c for c in result.cases if c.after is not None}
        )
        self._entries = {case.name: case for case in record.cases}
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
        about = {key: getattr(record, key) for key in ("version", "method", "config", "ended")}
        self.record = ReviewRecord(folder, about | {"model_sha256": record.model.sha256})

    @classmethod
    def of_folder(cls, folder: Path | str) -> ReviewRun:
        """Open a run folder.

        Raises
        ------
        CaseError
            It is none, is damaged, or holds nothing to review.
        """
        return cls(read_record(folder), Path(folder))

    @classmethod
    def of_result(cls, result: RunResult, earlier: ReviewRun | None = None) -> ReviewRun:
        """Take a run that has just ended; its folder, if it has one, keeps the record.

        ``earlier`` is the run under review until now: where this is the same one with other masks, and has
        no folder, its decisions are taken over.

        Raises
        ------
        CaseError
            It made no adapted mask.
        """
        run = cls(run_record(result), result.folder, result)
        if earlier is not None and run.folder is None and earlier.run.run_id == run.run.run_id:
            run.record.take_over(earlier.record)
        return run

    @property
    def card(self) -> CardRecord:
        """The model card as run.json has it."""
        return self.run.model.card

    @property
    def regions(self) -> dict[str, Sequence[int]]:
        """What is scored: the card's regions, else each label."""
        return dict(named_regions(self.labels, self.card.regions))

    @property
    def labels(self) -> dict[int, str]:
        """Name of each value."""
        return self.card.labels

    @property
    def colors(self) -> dict[int, str]:
        """``#rrggbb`` of each value."""
        return self.card.colours

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

    @property
    def decisions(self) -> int:
        """How many decisions and flags hold in the cases that were opened."""
        return sum(review.decisions for review in self._reviews.values())

    def images(self, name: str) -> tuple[list[CaseImage], list[str]]:
        """The channels of a case from where the run read them, and a sentence for each that is missing."""
        known = self._in_memory.get(name)
        inputs = self._entries[name].inputs
        if known is not None:
            return [
                CaseImage(s.channel, _title(inputs[k], s.path), known.case.data[k], s.path or Path(s.channel))
                for k, s in enumerate(known.case.sources)
            ], []
        found, missing = [], []
        for k, entry in enumerate(inputs):
            channel = entry.channel
            path = self.path_of(entry)
            if path is None:
                missing.append(missing_image(channel, name, entry.path))
                continue
            target = self.review(name).case.grid
            try:
                volume = read_volume(path)
                data = volume.data
                if data.ndim == 4:
                    data = data[..., sum(other.path == entry.path for other in inputs[:k])]
                if not (entry.resampled or same_voxels(volume.grid, target)):
                    missing.append(other_shape(path))
                    continue
                data, _ = moved_to(data, volume.grid, path.name, target, name)
            except CaseError as error:
                missing.append(str(error))
                continue
            if entry.sha256 and digest_of(path) != entry.sha256:
                missing.append(changed_image(path))
            found.append(CaseImage(channel, _title(entry, path), data, path))
        return found, missing

    def state(self, name: str) -> CaseState:
        """Where a case stands."""
        if self.record.saved(name) is not None:
            return CaseState.SAVED if self.record.in_step(name) else CaseState.CHANGED
        opened = self._reviews.get(name)
        if opened is not None and opened.can_undo:
            return CaseState.DECIDED if opened.complete else CaseState.UNDER_WAY
        return CaseState.UNDER_WAY if opened is None and self.record.length(name) else CaseState.TO_DO

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

    def best_progress(self, review: Review) -> tuple[SlicePlane, int, int]:
        """The plane that is furthest decided; its slices that are, and those that need it."""
        progress = [(plane, *review.progress(plane)) for plane in PLANES]
        return max(progress, key=lambda p: p[1] / max(p[2], 1))

    def path_of(self, entry: InputRecord) -> Path | None:
        """Where an input is: as it was given, or relative to the run folder or the folder around it.

        None where it is no longer there, or was no file.
        """
        if not entry.path:
            return None
        given = Path(entry.path)
        paths = [given]
        if self.folder is not None and not given.is_absolute():
            paths += [self.folder / given, self.folder.parent / given]
        return next((path for path in paths if path.is_file()), None)

    def _has_both(self, name: str) -> bool:
        if self._in_memory:
            return name in self._in_memory
        if self.folder is None:
            return False
        file = f"{name}.nii.gz"
        return all(path_inside(self.folder, which, file).is_file() for which in ("before", "after"))

    def _case(self, name: str) -> ReviewCase:
        entry, known = self._entries[name], self._in_memory.get(name)
        if known is not None:
            assert known.after is not None
            before, after, grid = known.before, known.after, known.case.grid
            uncertainty: NDArray[np.floating[Any]] | None = known.uncertainty
        else:
            assert self.folder is not None
            file = f"{name}.nii.gz"
            before, grid = read_labels(path_inside(self.folder, "before", file))
            after, _ = read_labels(path_inside(self.folder, "after", file))
            doubt = path_inside(self.folder, "uncertainty", file)
            uncertainty = read_volume(doubt).data if doubt.is_file() else None
        advice, plane = entry.recommendation, self.card.plane
        return ReviewCase(
            name=name,
            before=before,
            after=after,
            grid=grid,
            labels=self.labels,
            colors=self.colors,
            regions=self.regions,
            plane="axial" if plane == "volume" else plane,
            decision=None if advice is None else advice.decision,
            reasons=() if advice is None else advice.reasons,
            inputs=entry.inputs,
            uncertainty=uncertainty,
            removed=0 if advice is None else advice.removed,
        )


def _title(entry: InputRecord, path: Path | None) -> str:
    """What to call an input that is at ``path``; records of before it was kept hold no title."""
    if entry.title or path is None:
        return entry.title or entry.channel
    called = title_of(path) or without_suffix(path.name)
    return f"{called} {entry.channel}" if len(entry.shape) == 4 else called
