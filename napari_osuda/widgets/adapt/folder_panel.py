"""Where a run is kept: a folder of its own, named by the case and the time unless the user says otherwise."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from qtpy.QtCore import QSettings, QStandardPaths
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from napari_osuda.files import expanded

__all__ = ["FolderPanel", "runs_folder"]


_SETTINGS = ("napari-osuda", "napari-osuda")
# How many folders are looked through at most.
_MOST_FOLDERS = 8


def runs_folder() -> Path:
    """The folder of all runs: ``napari-osuda`` among the user's documents."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(documents or Path.home()) / "napari-osuda"


def _remembered() -> list[str]:
    folders = QSettings(*_SETTINGS).value("places") or []
    return [folders] if isinstance(folders, str) else [str(folder) for folder in folders]


class FolderPanel(QWidget):
    """The run folder to be, shown and changeable."""

    def __init__(self) -> None:
        super().__init__()
        self._parent = runs_folder()
        self._case = "case"
        self.line = QLineEdit()
        self.line.setMinimumWidth(1)
        self.line.setAccessibleName("Run folder")
        self.line.textEdited.connect(self._on_edited)
        self._own = False
        button = QPushButton("Change…")
        button.setToolTip("Choose where runs are saved")
        button.setAccessibleName("Choose where runs are saved")
        button.clicked.connect(self._ask)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(button)
        self.renew()

    def set_case(self, name: str) -> None:
        """Name the folder by this case, unless the user has named it."""
        self._case = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.") or "case"
        if not self._own:
            self.renew()

    def set_parent_folder(self, path: Path | str) -> None:
        """Keep runs here from now on."""
        self._parent, self._own = Path(path), False
        self.renew()

    @property
    def parent_folder(self) -> Path:
        """Where runs are kept."""
        return self._parent

    def folders(self) -> list[Path]:
        """Folders in which there are runs: the usual one, the present one, and those of the last runs."""
        known = [runs_folder(), self._parent, *map(Path, _remembered())]
        return list(dict.fromkeys(known))

    def remember(self, run: Path) -> None:
        """A run has begun here: the next start looks there for what was interrupted."""
        folders = [str(run.absolute().parent), *_remembered()]
        QSettings(*_SETTINGS).setValue("places", list(dict.fromkeys(folders))[:_MOST_FOLDERS])

    def renew(self) -> None:
        """Propose a folder that does not exist yet."""
        self._own = False
        name = f"{self._case}-{datetime.now():%Y%m%d-%H%M%S}"
        path, number = self._parent / name, 2
        while path.exists():
            path, number = self._parent / f"{name}-{number}", number + 1
        self.line.setText(str(path))
        self.line.setToolTip(str(path))
        # The end of the path tells one run from another.
        self.line.setCursorPosition(len(self.line.text()))

    def path(self) -> Path:
        """The folder for a run that begins now."""
        if not self._own:
            self.renew()
        return expanded(self.line.text().strip())

    def _on_edited(self) -> None:
        self._own = bool(self.line.text().strip())

    def _ask(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Save runs in", str(self._parent))
        if chosen:
            self.set_parent_folder(chosen)
