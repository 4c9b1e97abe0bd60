"""What an empty Adapt panel shows: the three steps, and where images come from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_osuda.imaging.volumes import SUFFIXES
from napari_osuda.widgets.adapt.inputs.opening import Opening
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.column import ButtonRows
from napari_osuda.widgets.qt.words import WrappedLabel, enable

__all__ = ["Welcome", "recent_runs"]

_STEPS = (
    "<b>Three steps:</b><br>• Open the images of one patient.<br>• Choose a source model, and press Adapt."
    "<br>• Compare both masks. Use the adapted one or the original."
)
_MOST_RUNS = 8


class Welcome(QWidget):
    """Shown while there is no image in the viewer.

    Parameters
    ----------
    opening : Opening
        Opens what is chosen.
    """

    def __init__(self, opening: Opening) -> None:
        super().__init__()
        self._opening = opening
        self.text = WrappedLabel(_STEPS)
        self.images_button = QPushButton("Open &images…")
        self.images_button.setToolTip(
            "NIfTI, NRRD, MetaImage or MGH files of one patient, or a folder with DICOM series"
        )
        menu = QMenu(self.images_button)
        menu.addAction("Files…", self._ask_files)
        menu.addAction("DICOM folder…", self._ask_folder)
        self.images_button.setMenu(menu)
        self.sample_button = QPushButton("Open &sample")
        samples = QMenu(self.sample_button)
        for name, title in _samples():
            samples.addAction(title, partial(opening.open_sample, name))
        self.sample_button.setMenu(samples)
        why_not = "" if samples.actions() else "The sample data are not installed."
        enable(self.sample_button, "Simulated patients to try everything on", why_not)
        self.runs_button = QPushButton("&Recent runs")
        self._runs = QMenu(self.runs_button)
        self.runs_button.setMenu(self._runs)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.addWidget(self.text)
        layout.addWidget(ButtonRows(self.images_button, self.sample_button, self.runs_button))
        self._looking = Background(self)
        self._looking.done.connect(self.set_runs)
        self.set_runs(())

    def look(self, folders: Sequence[Path]) -> None:
        """Look for earlier runs among the folders in each of ``folders``, off the GUI thread."""
        self._looking.run(lambda: recent_runs(folders))

    def close_down(self) -> None:
        """Wait for the search."""
        self._looking.close()

    def set_runs(self, folders: Sequence[Path]) -> None:
        """Offer these runs, the newest first."""
        self._runs.clear()
        for folder in folders:
            self._runs.addAction(folder.name, partial(self._opening.open_run, folder))
        enable(
            self.runs_button,
            "Opens the masks of an earlier run for review",
            "" if folders else "There are no runs yet.",
        )

    def _ask_files(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        paths, _ = QFileDialog.getOpenFileNames(self, "Open the images of one patient", "", f"MRI ({kinds})")
        if paths:
            self._opening.open(paths)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a folder with DICOM series")
        if path:
            self._opening.open([path])


def recent_runs(folders: Sequence[Path]) -> list[Path]:
    """The newest finished runs among the folders in each of ``folders``."""
    found: dict[Path, float] = {}
    for folder in folders:
        for record in folder.glob("*/run.json"):
            try:
                found[record.parent] = record.stat().st_mtime
            except OSError:
                # Gone in this instant.
                continue
    return sorted(found, key=lambda folder: -found[folder])[:_MOST_RUNS]


def _samples() -> list[tuple[str, Any]]:
    from napari_osuda.errors import OsudaError
    from napari_osuda.simulation.shipped import sample_patients

    try:
        return [(name, patient.title) for name, patient in sample_patients().items()]
    except OsudaError:
        return []
