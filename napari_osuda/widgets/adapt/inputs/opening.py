"""Opening images without holding up the window: read on a thread, put up one layer at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_osuda.errors import CaseError, explain
from napari_osuda.imaging import case_name
from napari_osuda.imaging.dicom import DicomSeries, is_dicom
from napari_osuda.imaging.world import METADATA_KEY
from napari_osuda.napari_layers.images import (
    get_dicom_reader,
    get_reader,
    layers_of_series,
    read_dicom,
    series_at,
)
from napari_osuda.napari_layers.names import add_layer
from napari_osuda.napari_layers.orientation import show_patient
from napari_osuda.napari_layers.run_folder import read_run_folder
from napari_osuda.napari_layers.samples import sample_layers
from napari_osuda.widgets.adapt.inputs.series_chooser import SeriesChooser
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.window import real_viewer

__all__ = ["Opening", "SeriesChoice", "read_paths"]

# Between two layers, so that each is painted before the next holds up the window.
_APART_MS = 20


@dataclass(frozen=True)
class SeriesChoice:
    """Several series were found."""

    series: tuple[DicomSeries, ...]


class Opening(QObject):
    """Reads files, folders and samples into layers of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject
    """

    #: A sentence on what is being read; "" once all of it is there.
    message = Signal(str)
    #: Why something could not be opened.
    failed = Signal(str)
    #: The masks of an earlier run are there.
    run_opened = Signal()

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = real_viewer(viewer)
        self._waiting: deque[Any] = deque()
        self.chooser: SeriesChooser | None = None
        self._then: Callable[[], None] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_APART_MS)
        self._timer.timeout.connect(self._add_next)
        self._reading = Background(self)
        self._reading.done.connect(self._on_read)
        self._reading.failed.connect(self._on_failed)

    @property
    def busy(self) -> bool:
        """Whether something is being read or put up."""
        return self._reading.busy or bool(self._waiting)

    def open(self, paths: Sequence[Path | str]) -> None:
        """Open MRI files, or folders of DICOM series."""
        names = [str(path) for path in paths]
        title = Path(names[0]).name if len(names) == 1 else f"{len(names)} files"
        self._read(title, lambda: read_paths(names))

    def _choose(self, choice: SeriesChoice) -> None:
        """Ask which series are to be opened, and open them."""
        self.message.emit("")
        parent = self.parent()
        self.chooser = SeriesChooser(
            parent if isinstance(parent, QWidget) else None,
            choice.series,
            lambda ticked: self._read(f"{len(ticked)} series", lambda: layers_of_series(ticked)),
        )
        self.chooser.open()

    def open_sample(self, name: str) -> None:
        """Open a sample patient."""
        self._read(name, lambda: sample_layers(name))

    def open_run(self, folder: Path) -> None:
        """Open the case of an earlier run, with its masks."""
        self._then = self.run_opened.emit
        self._read(folder.name, lambda: read_run_folder(str(folder)))

    def _read(self, title: str, function: Callable[[], list[Any] | SeriesChoice]) -> None:
        self.message.emit(f"Opening {title}…")
        self._reading.run(function)

    def close(self) -> None:
        """Wait for what is being read, and put up nothing more."""
        self._timer.stop()
        self._waiting.clear()
        self._reading.close()

    def _on_read(self, layers: list[Any] | SeriesChoice) -> None:
        if isinstance(layers, SeriesChoice):
            self._choose(layers)
            return
        self._waiting.extend(layers)
        self._timer.start()

    def _on_failed(self, error: Exception) -> None:
        self._then = None
        self.message.emit("")
        self.failed.emit(explain(error))

    def _add_next(self) -> None:
        from napari.layers import Layer

        if len(self._waiting) <= 1:
            # Before the last layer comes: what follows from all of them is said then, and stays.
            self.message.emit("")
        if self._waiting:
            layer = Layer.create(*self._waiting.popleft())
            add_layer(self._viewer, layer, _owner(layer.metadata.get(METADATA_KEY, {}).get("path")))
        if not self._waiting:
            self._timer.stop()
            show_patient(self._viewer)
            then, self._then = self._then, None
            if then is not None:
                then()


def _owner(path: str | None) -> str:
    """The folder of an image: mostly the patient's, where that of a DICOM series is the series' own."""
    return "" if path is None or is_dicom(Path(path)) else case_name(Path(path).parent)


def read_paths(paths: list[str]) -> list[Any] | SeriesChoice:
    """Layers of files and folders; of several DICOM series first the choice among them."""
    reader = get_reader(paths)
    if reader is None and get_dicom_reader(paths) is not None:
        series = series_at(paths)
        if len(series) > 1:
            return SeriesChoice(tuple(series))
        reader = read_dicom
    if reader is None:
        raise CaseError(
            f"{Path(paths[0]).name} is not an MRI: open NIfTI, NRRD, MetaImage or MGH files, or a folder "
            "with DICOM series."
        )
    return reader(paths)
