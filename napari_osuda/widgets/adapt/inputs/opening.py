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


@dataclass(frozen=True)
class _Request:
    """What was asked for: how it is called, what it is, and what follows once it is there."""

    title: str
    of: tuple[str, ...]
    then: Callable[[], None] | None = None


class Opening(QObject):
    """Reads files, folders and samples into layers of a viewer.

    What is asked for while something else is being read is read beside it; the same twice is read once.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QObject
    """

    #: A sentence on what is being read; "" once all of it is there.
    message = Signal(str)
    #: Why something could not be opened; told once nothing else is being read, so that it stays.
    failed = Signal(str)
    #: The masks of an earlier run are there.
    run_opened = Signal()

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = real_viewer(viewer)
        # Layers to be put up, each with what follows once it is there.
        self._waiting: deque[tuple[Any, Callable[[], None] | None]] = deque()
        self._requests: list[_Request] = []
        self._failures: list[str] = []
        self.chooser: SeriesChooser | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_APART_MS)
        self._timer.timeout.connect(self._add_next)
        self._reading = Background(self, every=True)
        self._reading.done.connect(lambda answer: self._on_read(*answer))

    @property
    def busy(self) -> bool:
        """Whether something is being read or put up."""
        return bool(self._requests or self._waiting)

    def open(self, paths: Sequence[Path | str]) -> None:
        """Open MRI files, or folders of DICOM series."""
        names = [str(path) for path in paths]
        title = Path(names[0]).name if len(names) == 1 else f"{len(names)} files"
        self._read(_Request(title, tuple(names)), lambda: read_paths(names))

    def _choose(self, choice: SeriesChoice) -> None:
        """Ask which series are to be opened, and open them."""
        parent = self.parent()
        self.chooser = SeriesChooser(
            parent if isinstance(parent, QWidget) else None,
            choice.series,
            lambda ticked: self._read(
                _Request(f"{len(ticked)} series", tuple(one.uid for one in ticked)),
                lambda: layers_of_series(ticked),
            ),
        )
        self.chooser.open()

    def open_sample(self, name: str) -> None:
        """Open a sample patient."""
        self._read(_Request(name, ("sample", name)), lambda: sample_layers(name))

    def open_run(self, folder: Path) -> None:
        """Open the case of an earlier run, with its masks."""
        asked = _Request(folder.name, ("run", str(folder)), self.run_opened.emit)
        self._read(asked, lambda: read_run_folder(str(folder)))

    def _read(self, asked: _Request, function: Callable[[], list[Any] | SeriesChoice]) -> None:
        if any(other.of == asked.of for other in self._requests):
            return

        def read() -> tuple[_Request, list[Any] | SeriesChoice | Exception]:
            try:
                return asked, function()
            except Exception as error:  # told once it is its turn, as a sentence
                return asked, error

        self._requests.append(asked)
        self._say()
        self._reading.run(read)

    def _say(self) -> None:
        titles = ", ".join(asked.title for asked in self._requests)
        self.message.emit(f"Opening {titles}…" if titles else "")

    def close(self) -> None:
        """Wait for what is being read, and put up nothing more."""
        self._timer.stop()
        self._reading.close()
        self._requests.clear()
        self._waiting.clear()

    def _on_read(self, asked: _Request, found: list[Any] | SeriesChoice | Exception) -> None:
        self._requests.remove(asked)
        if isinstance(found, Exception):
            self._failures.append(explain(found))
        elif isinstance(found, SeriesChoice):
            self._choose(found)
        elif found:
            self._waiting.extend((layer, None) for layer in found[:-1])
            self._waiting.append((found[-1], asked.then))
            self._timer.start()
            return
        if self._requests or not self._waiting:
            self._say()
        self._tell_failures()

    def _tell_failures(self) -> None:
        if self._failures and not self.busy:
            told, self._failures = " ".join(self._failures), []
            self.failed.emit(told)

    def _add_next(self) -> None:
        from napari.layers import Layer

        if len(self._waiting) == 1:
            # Before the last layer comes: what follows from all of them is said then, and stays.
            self._say()
        data, then = self._waiting.popleft()
        layer = Layer.create(*data)
        add_layer(self._viewer, layer, _owner(layer.metadata.get(METADATA_KEY, {}).get("path")))
        if not self._waiting:
            self._timer.stop()
        if then is not None or not self._waiting:
            show_patient(self._viewer)
        if then is not None:
            then()
        self._tell_failures()


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
