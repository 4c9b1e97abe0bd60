"""Saving what a run has given: the chosen mask, and the adapted model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_osuda.errors import OsudaError, explain
from napari_osuda.widgets.adapt.results.outcome_panel import OutcomePanel
from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.qt.questions import ask

if TYPE_CHECKING:
    from napari_osuda.session import RunResult
    from napari_osuda.widgets.adapt.results.result_layers import ResultLayers

__all__ = ["Saver"]


class Saver:
    """Writes the last result's parts where the user says, and tells how that went.

    Parameters
    ----------
    parent : QWidget
        Of the dialogs.
    cockpit : Cockpit
        Whose result it is.
    results : ResultLayers
        Where the masks may have been painted in since.
    panel : OutcomePanel
        Where one of them is chosen.
    tell : callable
        Shows a sentence.
    """

    def __init__(
        self,
        parent: QWidget,
        cockpit: Cockpit,
        results: ResultLayers,
        panel: OutcomePanel,
        tell: Callable[[str], None],
    ) -> None:
        self._parent, self._cockpit, self._results = parent, cockpit, results
        self._panel, self._tell = panel, tell
        panel.save_mask.connect(self.ask_mask)
        panel.save_model.connect(self.ask_model)
        panel.open_report.connect(self.open_report)

    def save_mask(self, path: Path | str) -> None:
        """Write the chosen mask, with what was painted in its layer since, in the space of the scan."""
        from napari_osuda.imaging import write_labels

        result, choice = self._cockpit.result, self._panel.choice
        if result is None or not result.cases:
            return
        if not choice:
            self._tell("No mask is chosen. Choose one above, then save.")
            return
        case = result.cases[0]
        labels = self._results.labels(choice)
        if labels is None:
            labels = case.before if choice == "before" or case.after is None else case.after
        self._try(
            lambda: write_labels(path, labels, case.case.grid),
            f"Saved the {_title(result, choice)} of {case.case.name} as {path}.",
        )

    def save_model(self, path: Path | str) -> None:
        """Write the adapted model as a model folder."""
        from napari_osuda.models import save_model

        result = self._cockpit.result
        if result is None or result.network is None or not result.has_model:
            return
        provenance = {
            "method": result.job.method,
            "settings": result.job.config.to_dict(),
            "ended": result.ended,
        }
        network, source = result.network, result.adapted_model
        self._try(
            lambda: save_model(path, network, source, provenance), f"Saved the adapted model in {path}."
        )

    def ask_mask(self) -> None:
        """Ask for a place, and write the mask there; first for the mask, where none is chosen."""
        result = self._cockpit.result
        if result is None or not result.cases:
            return
        if self._panel.choice:
            self._ask_file(self._panel.choice)
            return
        question = f"Neither mask of {result.cases[0].case.name} is recommended. Which one shall be saved?"
        answers = {
            f"The {_title(result, role)}": partial(self._save_chosen, role) for role in ("before", "after")
        }
        ask(self._parent, question, answers, cautious=True)

    def _save_chosen(self, role: str) -> None:
        self._panel.choose(role)
        self._ask_file(role)

    def _ask_file(self, role: str) -> None:
        result = self._cockpit.result
        if result is None or not result.cases:
            return
        case = result.cases[0].case.name
        path, _ = QFileDialog.getSaveFileName(
            self._parent,
            f"Save the {_title(result, role)} of {case}",
            f"{case}_{role}.nii.gz",
            "NIfTI (*.nii.gz *.nii)",
        )
        if path:
            self.save_mask(path if path.endswith((".nii", ".nii.gz")) else path + ".nii.gz")

    def ask_model(self) -> None:
        """Ask for a place, and write the model there."""
        path, _ = QFileDialog.getSaveFileName(self._parent, "Save the adapted model as a folder")
        if path:
            self.save_model(path)

    def open_report(self) -> None:
        """Show the run's page in the browser."""
        report = self._panel.report
        if report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))

    def _try(self, action: Callable[[], object], done: str) -> None:
        try:
            action()
        except (OsudaError, OSError) as error:
            self._tell(explain(error))
        else:
            self._tell(done)


def _title(result: RunResult, role: str) -> str:
    """What a mask of a run is called."""
    from napari_osuda.session.report.words import mask_names

    removed = 0 if result.recommendation is None else result.recommendation.removed
    return f"{mask_names(removed)[role]} mask"
