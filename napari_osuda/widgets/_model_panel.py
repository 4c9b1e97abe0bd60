"""Choosing the source model, and its card."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_osuda.errors import OsudaError
from napari_osuda.widgets._background import Background
from napari_osuda.widgets._questions import QuestionForm
from napari_osuda.widgets._theme import Palette
from napari_osuda.widgets._words import WrappedLabel, error_sentence

if TYPE_CHECKING:
    from napari_osuda.models import Inspection, Question, SourceModel

__all__ = ["ModelPanel", "card_text"]


@dataclass(frozen=True)
class _Loaded:
    path: Path
    model: SourceModel | None
    inspection: Inspection | None
    questions: tuple[Question, ...] = ()


class ModelPanel(QWidget):
    """A list of sample models and of those opened, a button and a drop place for others, and the card.

    Parameters
    ----------
    colours : Palette
        Of napari's theme.
    """

    #: The model that is ready to be adapted, or None while there is none.
    chosen = Signal(object)

    def __init__(self, colours: Palette) -> None:
        super().__init__()
        self.model: SourceModel | None = None
        self._colours = colours
        self._answers: dict[str, str] = {}
        self._loaded: _Loaded | None = None
        self._background = Background(self)
        self._background.done.connect(self._on_loaded)
        self._background.failed.connect(self._on_failed)

        self.combo = QComboBox()
        self.combo.setMinimumWidth(1)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setAccessibleName("Source model")
        self.combo.addItem("Choose a source model…", None)
        for name, path in _sample_models():
            self.combo.addItem(name, str(path))
            self.combo.setItemData(
                self.combo.count() - 1, f"Sample model in {path}", Qt.ItemDataRole.ToolTipRole
            )
        self.combo.activated.connect(self._on_activated)
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip("Open a model folder or a .zip; it can also be dropped here")
        menu = QMenu(self.open_button)
        menu.addAction("Model folder…", self._ask_folder)
        menu.addAction("Model .zip…", self._ask_zip)
        self.open_button.setMenu(menu)
        self.card = WrappedLabel()
        self.questions = QuestionForm()
        self.questions.answered.connect(self._on_answered)
        self.questions.hide()

        row = QHBoxLayout()
        row.addWidget(self.combo, 1)
        row.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.card)
        layout.addWidget(self.questions)
        self.setAcceptDrops(True)
        self._show()

    @property
    def loading(self) -> bool:
        """Whether a model is being read."""
        return self._background.busy

    def open(self, path: Path | str) -> None:
        """Load a model from a folder or a .zip, off the GUI thread; ``chosen`` tells when it is there."""
        path = _model_path(Path(path))
        index = self.combo.findData(str(path))
        if index < 0:
            self.combo.addItem(path.name, str(path))
            index = self.combo.count() - 1
        self.combo.setCurrentIndex(index)
        self.combo.setToolTip(str(path))
        self._answers = {}
        self._load(path)

    def set_colours(self, colours: Palette) -> None:
        """Follow napari's theme."""
        self._colours = colours
        self._show()

    def close_down(self) -> None:
        """Wait for a model that is being read, and forget it."""
        self._background.close()

    def _load(self, path: Path) -> None:
        self._set(None, None)
        self.card.setText(f"Loading {escape(path.name)}…")
        answers = dict(self._answers)
        self._background.run(lambda: _read(path, answers))

    def _set(self, loaded: _Loaded | None, model: SourceModel | None) -> None:
        self._loaded, self.model = loaded, model
        self.questions.hide()
        self._show()
        self.chosen.emit(model)

    def _on_loaded(self, loaded: _Loaded) -> None:
        adaptable = loaded.inspection is not None and loaded.inspection.adaptable
        self._set(loaded, loaded.model if adaptable else None)
        if loaded.questions:
            self.questions.ask(loaded.questions)
            self.questions.show()

    def _on_failed(self, error: Exception) -> None:
        self._set(None, None)
        mark = f"<span style='color: {self._colours.red}'>✖</span>"
        self.card.setText(f"{mark} {escape(error_sentence(error))}")

    def _on_answered(self, answers: dict[str, str]) -> None:
        if self._loaded is not None:
            self._answers = answers
            self._load(self._loaded.path)

    def _on_activated(self, index: int) -> None:
        path = self.combo.itemData(index)
        if path is None:
            self._set(None, None)
        else:
            self.open(path)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a model folder")
        if path:
            self.open(path)

    def _ask_zip(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a model", "", "Model packages (*.zip)")
        if path:
            self.open(path)

    def _show(self) -> None:
        if self._loaded is None:
            self.card.setText(
                "The network to adapt: a bioimage.io model folder or .zip with BatchNorm in it. "
                "Choose a sample, or drop one here."
            )
        elif self._loaded.questions:
            self.card.setText("This model's files leave some things open:")
        elif self._loaded.model is not None and self._loaded.inspection is not None:
            self.card.setText(card_text(self._loaded.model, self._loaded.inspection, self._colours))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a single local file or folder."""
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.open(path)


def card_text(model: SourceModel, inspection: Inspection, colours: Palette) -> str:
    """The model card in a few lines of rich text."""
    card = model.card
    labels = ", ".join(
        f"<span style='color: {card.colours.get(value, '#999999')}'>■</span>&nbsp;{escape(name)}"
        for value, name in card.labels.items()
        if value != 0
    )
    seen = [f"{card.spatial_dims}-D {card.plane}"]
    if card.size:
        seen.append(" × ".join(map(str, card.size)) + " px")
    if card.field_of_view_mm:
        seen.append("over " + " × ".join(f"{mm:g}" for mm in card.field_of_view_mm) + " mm")
    rows = [
        f"<b>{escape(card.name)}</b>",
        f"Channels: {escape(', '.join(card.channels))}",
        f"Labels: {labels}",
        f"Input: {' '.join(seen)}",
    ]
    if inspection.adaptable:
        rows.append(
            f"<span style='color: {colours.green}'>✔</span> Can be adapted: {len(inspection.layers)} "
            f"BatchNorm layers, {inspection.adapted_channels:,} channels"
        )
    else:
        rows.append(
            f"<span style='color: {colours.red}'>✖</span> Cannot be adapted: {escape(inspection.reason)}"
        )
    rows += [f"<span style='color: {colours.orange}'>▲</span> {escape(note)}" for note in model.notes]
    return "<br>".join(rows)


def _read(path: Path, answers: dict[str, str]) -> _Loaded:
    from napari_osuda.models import inspect_model, load_model, open_questions

    questions = open_questions(path, overrides=answers)
    if questions:
        return _Loaded(path, None, None, tuple(questions))
    model = load_model(path, overrides=answers)
    return _Loaded(path, model, inspect_model(model))


def _sample_models() -> list[tuple[str, Path]]:
    from napari_osuda.simulation.shipped import sample_models

    try:
        samples = sample_models()
    except OsudaError:
        # A checkout without its sample data is no reason not to open other models.
        return []
    return [(name.replace("-", " "), Path(path)) for name, path in samples.items()]


def _model_path(path: Path) -> Path:
    """The folder, where someone gave the description in it."""
    return path.parent if path.suffix.lower() in (".yaml", ".yml") else path


def _dropped(event: Any) -> Path | None:
    urls = [url for url in event.mimeData().urls() if url.isLocalFile()]
    return Path(urls[0].toLocalFile()) if len(urls) == 1 else None
