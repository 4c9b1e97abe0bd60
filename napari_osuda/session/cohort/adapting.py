"""The work of one job: read, adapt, write the run folder and the derivatives."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_osuda.errors import OsudaError, OutputError, cannot_write
from napari_osuda.evaluation import region_masks, volume_ml
from napari_osuda.files import path_inside
from napari_osuda.imaging import Case, image_for, read_case, substituted
from napari_osuda.locks import locked
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import SourceModel
from napari_osuda.session.api import adapt_case
from napari_osuda.session.cohort.dataset import Session
from napari_osuda.session.cohort.derivatives import WRITTEN_MASKS, describe_dataset, mask_path, write_mask
from napari_osuda.session.cohort.plan import CohortJob
from napari_osuda.session.cohort.record import CaseOutcome, InputFile, require_same_cohort
from napari_osuda.session.cohort.segmentation import write_segmentation
from napari_osuda.session.events import Event
from napari_osuda.session.guard.wording import advice_record
from napari_osuda.session.job import CaseResult, Labels, RunResult
from napari_osuda.session.run_folder.checkpoint import saved_states
from napari_osuda.session.run_folder.record import AdviceRecord

__all__ = ["Adapting"]


@dataclass(frozen=True)
class Adapting:
    """Adapts the same source model to the target of one job after the other.

    Attributes
    ----------
    dataset, out : Path
        BIDS in, and derivatives out; run folders are in ``out/runs``.
    model : SourceModel
    config : AdaptationConfig
    method, device : str
    together : str or None
        By which column patients are put together, for the record.
    keep_models : bool
        Leave the adapted models in the run folders: they take the most room by far.
    substitutes : bool
        Give a model of one channel another contrast where there is no image of its own.
    on_event : callable, optional
        Called with each event of each run. What it raises ends the run, which can go on later.
    """

    dataset: Path
    out: Path
    model: SourceModel
    config: AdaptationConfig
    method: str = "osuda"
    device: str = "auto"
    together: str | None = None
    keep_models: bool = False
    substitutes: bool = False
    on_event: Callable[[Event], None] | None = None

    def prepare(self) -> None:
        """Make the output ready.

        Raises
        ------
        OutputError
            Nothing can be written there, or it holds a cohort of another model or other settings.
        """
        if self.out.exists() and self.out.resolve() == self.dataset.resolve():
            raise OutputError(f"{self.out} holds the images: give another folder for the results.")
        # Several programs may begin at once.
        with locked(self.out, ".cohort.lock", wait=60.0):
            try:
                require_same_cohort(self.out, self.model, self.method, self.config, self.together)
                describe_dataset(self.out, self.dataset, self.model, self.method)
            except OSError as error:
                raise cannot_write(self.out, error) from error

    def __call__(self, job: CohortJob) -> tuple[CaseOutcome, ...]:
        """Do a job, going on with what an earlier try has left; raises OsudaError where it cannot be done."""
        for session in job.sessions:
            # Of images that have changed since: no mask is better than one of other images.
            for mask in WRITTEN_MASKS:
                path_inside(self.out, *mask_path(session, mask).parts).unlink(missing_ok=True)
        try:
            return self._outcomes(job)
        finally:
            # A run's objects hold each other in circles, and the images with them.
            gc.collect()

    def _outcomes(self, job: CohortJob) -> tuple[CaseOutcome, ...]:
        cases = tuple(self._read(session) for session in job.sessions)
        folder = path_inside(self.out, "runs", job.name)
        result = self._adapted(cases, folder)
        outcomes = tuple(
            self._written(session, case, folder, converted=result.intensity_maps is not None)
            for session, case in zip(job.sessions, result.cases, strict=True)
        )
        if not self.keep_models:
            for name in ("model", "model-as-it-came"):
                shutil.rmtree(folder / name, ignore_errors=True)
        return outcomes

    def _read(self, session: Session) -> Case:
        channels = self.model.card.channels
        spec: Path | dict[str, str | Path] = session.folder
        if self.substitutes and len(channels) == 1:
            spec = {channels[0]: image_for(session.folder, channels[0])}
        return read_case(spec, channels, name=session.name)

    def _adapted(self, cases: tuple[Case, ...], folder: Path) -> RunResult:
        if saved_states(folder):
            try:
                return self._run(cases, folder, resume=True)
            except OutputError:
                # What is there is of other images or settings, or damaged: it is of no use to anybody.
                pass
        if folder.is_symlink():
            raise OutputError(f"{folder} is a link: what a run writes must stay in its folder. Remove it.")
        shutil.rmtree(folder, ignore_errors=True)
        return self._run(cases, folder, resume=False)

    def _run(self, cases: tuple[Case, ...], folder: Path, *, resume: bool) -> RunResult:
        result = adapt_case(
            self.model, cases, self.config, method=self.method, device=self.device, out=folder, resume=resume,
            on_event=self.on_event,
        )  # fmt: skip
        if result.outcome != "done":
            raise OsudaError(f"The run ended early: {result.outcome}.")
        return result

    def _written(self, session: Session, result: CaseResult, folder: Path, *, converted: bool) -> CaseOutcome:
        case, after = result.case, result.after
        assert after is not None
        write_segmentation(result, self.model, folder)
        record = advice_record(result.recommendation)
        advice = None if record is None else AdviceRecord.model_validate(record)
        others = substituted((source.channel, source.name) for source in case.sources)
        files = {source.channel: source.path for source in case.sources if source.path is not None}
        masks = {
            mask: write_mask(
                self.out, session, mask, path_inside(folder, kind, f"{case.name}.nii.gz"), inputs=files,
                dataset=self.dataset, advice=advice, model=self.model, run=folder,
            ).as_posix()
            for mask, kind in WRITTEN_MASKS.items()
        }  # fmt: skip
        return CaseOutcome(
            name=case.name,
            participant=session.participant,
            session=session.session,
            inputs=tuple(InputFile.of(s.path, s.sha256) for s in case.sources if s.path is not None),
            recommendation=None
            if advice is None
            else advice.model_copy(update={"signals": None, "evidence": ()}),
            volumes_before=self._volumes(result.before, case.grid.affine),
            volumes_after=self._volumes(after, case.grid.affine),
            masks=masks,
            substituted=others,
            converted=converted if others else None,
        )

    def _volumes(self, mask: Labels, affine: np.ndarray) -> dict[str, float]:
        regions = region_masks(mask, self.model.card.scored_regions)
        return {name: round(float(volume_ml(marked, affine)), 3) for name, marked in regions.items()}
