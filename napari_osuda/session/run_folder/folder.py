"""The run folder: masks, model, numbers and the record of how they came about; each file whole or absent."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from napari_osuda.errors import ModelError, OutputError
from napari_osuda.files import PARTIAL, path_inside
from napari_osuda.imaging import Case, write_labels, write_shares
from napari_osuda.locks import locked
from napari_osuda.models import ModelCard, save_as_it_came, save_model
from napari_osuda.session.job import CaseResult, Job, Labels, RunResult
from napari_osuda.session.notes import Note, NoteKind
from napari_osuda.session.report.page import write_report
from napari_osuda.session.run_folder.page import report_input
from napari_osuda.session.run_folder.record import RunRecord, with_note, write_record
from napari_osuda.session.run_folder.record_of_run import provenance, run_record
from napari_osuda.session.run_folder.steps import step_rows, write_channels, write_steps

__all__ = ["RunFolder", "sole_writer", "sweep"]


# Folders of a run folder: of masks, and others.
NO_MODEL = "This method adapts while it predicts. It gives masks, and no model to save."
_MASKS = ("before", "after", "uncertainty")
_OTHERS = ("checkpoint", "timeline", "model", "model-as-it-came")


def sole_writer(folder: Path) -> AbstractContextManager[None]:
    """Hold a run folder against other runs; raises OutputError where there is one."""
    busy = f"Another run is writing into {folder}. Wait until it has ended, or give another folder."
    return locked(folder, busy=busy)


def sweep(folder: Path) -> None:
    """Remove what a crash has left half written; for who holds the folder alone."""
    for part in (folder, *(folder / name for name in (*_MASKS, *_OTHERS))):
        for left in part.glob(f"{PARTIAL}*"):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


class RunFolder:
    """Writes a run's result into ``job.out``."""

    def __init__(self, job: Job) -> None:
        assert job.out is not None
        self.path: Path = job.out
        self.path.mkdir(parents=True, exist_ok=True)
        for name in (*_MASKS, *_OTHERS):
            if (self.path / name).is_symlink():
                raise OutputError(f"{self.path / name} is a link: what a run writes must stay in its folder.")
        sweep(self.path)

    def require_masks(self, result: RunResult) -> None:
        """Raise OutputError where a mask of the result is no longer there: somebody has deleted it."""
        if self._missing(result):
            raise OutputError(
                f"The folder {self.path} was deleted or changed during the run. The masks were written there "
                "again; run it again if anything else is missing."
            )

    def write_mask(self, kind: Literal["before", "after"], case: Case, labels: Labels) -> None:
        """Write a mask as soon as it is there."""
        write_labels(path_inside(self.path, kind, f"{case.name}.nii.gz"), labels, case.grid)

    def write_uncertainty(self, case: CaseResult) -> None:
        """Write how unsure the adapted model is of each voxel, where that is known."""
        if case.uncertainty is not None:
            path = path_inside(self.path, "uncertainty", f"{case.case.name}.nii.gz")
            write_shares(path, case.uncertainty, case.case.grid)

    def write(self, result: RunResult) -> None:
        """Write all but the masks that are there; ``run.json`` last, so that it vouches for the rest."""
        for kind, case in self._missing(result):
            labels = case.before if kind == "before" else case.after
            assert labels is not None
            self.write_mask(kind, case.case, labels)
        values = result.job.model.card.channel_values
        steps = step_rows(result.reports, values)
        if steps:
            write_steps(self.path, steps)
            write_channels(self.path, result.reports, result.layers)
        record = run_record(result)
        if result.network is not None:
            note = self._write_model(result, record)
            if note is not None:
                record = with_note(record, Note(NoteKind.MODEL_FORM, note))
        if any(case.after is not None for case in result.cases):
            write_report(self.path / "report.html", report_input(result, record, steps))
        write_record(self.path, record)

    def _missing(self, result: RunResult) -> list[tuple[Literal["before", "after"], CaseResult]]:
        """The masks of a result that are not in the folder."""
        wanted: list[tuple[Literal["before", "after"], CaseResult]] = []
        for case in result.cases:
            wanted += [("before", case)] if case.after is None else [("before", case), ("after", case)]
        return [
            (kind, case)
            for kind, case in wanted
            if not path_inside(self.path, kind, f"{case.case.name}.nii.gz").is_file()
        ]

    def _write_model(self, result: RunResult, record: RunRecord) -> str | None:
        """Write the adapted model; what is to be said of it, if anything."""
        assert result.network is not None
        final = self.path / "model"
        if not result.has_model:
            return NO_MODEL
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=self.path) as partial:
            made = Path(partial) / "model"
            save_model(made, result.network, result.adapted_model, provenance=provenance(record))
            # A stopped run that has been resumed has written one already.
            shutil.rmtree(final, ignore_errors=True)
            made.rename(final)
            return self._write_as_it_came(Path(partial) / "came", result)

    def _write_as_it_came(self, made: Path, result: RunResult) -> str | None:
        """The adapted model once more in its source's form; what is to be said of it, if anything."""
        source, final = result.job.model, self.path / "model-as-it-came"
        shutil.rmtree(final, ignore_errors=True)
        if source.form != "bioimageio" and source.native is not None and result.intensity_maps is not None:
            return f"The maps of this run's intensities have no place in {source.form}: see model/ for them."
        assert result.network is not None
        try:
            if save_as_it_came(made, result.network, source) is not None:
                made.rename(final)
                return _left_out(result.adapted_model.card, source.card)
        except ModelError as error:
            # The model folder is there, and is the model: this is a courtesy.
            return str(error)
        return None


def _left_out(adapted: ModelCard, source: ModelCard) -> str | None:
    """What of making masks has no place in the source model's form."""
    lacks = []
    if adapted.mirror_averaging and not source.mirror_averaging:
        lacks.append("are not averaged over the mirror image")
    if adapted.second_look and not source.second_look:
        lacks.append("keep pieces that the model does not find in the rotated image")
    return f"model-as-it-came gives masks that {' and '.join(lacks)}." if lacks else None
