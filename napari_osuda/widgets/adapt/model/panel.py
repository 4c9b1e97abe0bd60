"""Choosing the source model, and its card."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_osuda.errors import OsudaError, explain
from napari_osuda.widgets.adapt.inputs.matching import missing_channels
from napari_osuda.widgets.adapt.model.card import ModelDetails, adaptability, card_text
from napari_osuda.widgets.adapt.model.questions import QuestionForm
from napari_osuda.widgets.adapt.model.reading import LoadedModel, model_path, read_model, samples
from napari_osuda.widgets.adapt.model.trust import TrustForm
from napari_osuda.widgets.qt.background import Background
from napari_osuda.widgets.qt.dropped import dropped
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.models import Question, SourceModel

__all__ = ["ModelPanel"]


_FILES = "*.zip *.pt *.pth *.ckpt *.safetensors *.onnx *.pt2 *.ts *.bin *.tar *.th *.model"


class ModelPanel(QWidget):
    """A list of sample models and of those opened, a button and a drop place for others, and the card.

    Parameters
    ----------
    colors : Palette
        Of napari's theme.
    when_ready : callable, optional
        Calls a function as soon as a model may be read on another thread; by default at once.
    """

    #: The model that is ready to be adapted, or None while there is none.
    chosen = Signal(object)

    def __init__(
        self, colors: Palette, when_ready: Callable[[Callable[[], None]], None] = lambda read: read()
    ) -> None:
        super().__init__()
        self._when_ready = when_ready
        self.model: SourceModel | None = None
        self._colors = colors
        self._answers: dict[str, str] = {}
        self._asked: tuple[Question, ...] = ()
        self._trusted: frozenset[str] = frozenset()
        self._path: Path | None = None
        self._loaded: LoadedModel | None = None
        self._background = Background(self)
        self._background.done.connect(self._on_loaded)
        self._background.failed.connect(self._on_failed)

        self.combo = combo_box("Source model", width="short")
        self.combo.addItem("Choose a source model…", None)
        self._samples = samples()
        self._names: tuple[str, ...] = ()
        self._list_samples()
        self.combo.activated.connect(self._on_activated)
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip(
            "Opens a model folder (bioimage.io, MONAI bundle, nnU-Net, segmentation_models_pytorch), a .zip, "
            "weights, TorchScript or ONNX. It can also be dropped here."
        )
        menu = QMenu(self.open_button)
        menu.addAction("Model folder…", self._ask_folder)
        menu.addAction("Model file…", self._ask_file)
        self.open_button.setMenu(menu)
        self.card = WrappedLabel()
        self.questions = QuestionForm()
        self.questions.answered.connect(self._on_answered)
        self.trust = TrustForm()
        self.trust.answered.connect(self._on_trust)
        self.details = ModelDetails()
        self.again_button = QPushButton("Answer again…")
        self.again_button.setToolTip("Changes your answers about this file. They are kept for the next time.")
        self.again_button.clicked.connect(self._ask_again)
        for hidden in (self.questions, self.trust, self.details, self.again_button):
            hidden.hide()

        row = QHBoxLayout()
        row.addWidget(self.combo, 1)
        row.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.card)
        layout.addWidget(self.questions)
        layout.addWidget(self.trust)
        layout.addWidget(self.again_button)
        layout.addWidget(self.details)
        self.setAcceptDrops(True)
        self.set_colors(colors)

    def set_images(self, names: Sequence[str]) -> None:
        """Follow the open images: sample models that fit them come first, others say what they need."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self._list_samples()

    def _list_samples(self) -> None:
        """Put the sample models after the first entry, in place of those that are there."""
        combo, kept = self.combo, self.combo.currentData()
        paths = {str(sample.path) for sample in self._samples}
        for row in reversed(range(1, combo.count())):
            if combo.itemData(row) in paths:
                combo.removeItem(row)
        lacking = [(sample, missing_channels(sample.channels, self._names)) for sample in self._samples]
        lacking.sort(key=lambda entry: bool(entry[1]))
        for row, (sample, missing) in enumerate(lacking, start=1):
            needs = f" (needs {', '.join(missing)})" if missing and self._names else ""
            combo.insertItem(row, sample.name + needs, str(sample.path))
            combo.setItemData(row, f"Sample model in {sample.path}", Qt.ItemDataRole.ToolTipRole)
        combo.setCurrentIndex(max(combo.findData(kept), 0))

    def open(self, path: Path | str) -> None:
        """Load a model from a folder or a file, off the GUI thread; ``chosen`` tells when it is there."""
        path = model_path(Path(path))
        index = self.combo.findData(str(path))
        if index < 0:
            self.combo.addItem(path.name, str(path))
            index = self.combo.count() - 1
        self.combo.setCurrentIndex(index)
        self.combo.setToolTip(str(path))
        self._answers, self._asked = {}, ()
        self._load(path)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        self._colors = colors
        self.details.fold.set_colors(colors)
        self._show()

    def close_down(self) -> None:
        """Wait for a model that is being read, and forget it."""
        self._background.close()

    def _load(self, path: Path) -> None:
        self._path = path
        self._set(None, None)
        self.card.setText(f"Loading {escape(path.name)}…")
        answers, trusted = dict(self._answers), self._trusted
        self._when_ready(lambda: self._background.run(lambda: read_model(path, answers, trusted)))

    def _set(self, loaded: LoadedModel | None, model: SourceModel | None) -> None:
        self._loaded, self.model = loaded, model
        self.questions.hide()
        self.trust.hide()
        self.details.show_inspection(None if loaded is None else loaded.inspection)
        self.again_button.setVisible(loaded is not None and bool(loaded.answers))
        self._show()
        self.chosen.emit(model)

    def _on_loaded(self, loaded: LoadedModel) -> None:
        adaptable = loaded.inspection is not None and loaded.inspection.adaptable
        self._set(loaded, loaded.model if adaptable else None)
        if loaded.questions:
            self._asked = loaded.questions
            self.questions.ask(loaded.questions, self._answers)
            self.questions.show()
        if loaded.refused is not None:
            # Shown before the question is put, since what is hidden takes no focus.
            self.trust.show()
            self.trust.ask(loaded.path, loaded.refused.what, str(loaded.refused.sha256))

    def _on_failed(self, error: Exception) -> None:
        self._set(None, None)
        mark = f"<span style='color: {self._colors.red}'>✖</span>"
        self.card.setText(f"{mark} {escape(explain(error))}")
        if self._asked:
            # An answer may be what is wrong.
            self.questions.ask(self._asked, self._answers)
            self.questions.show()

    def _on_answered(self, answers: dict[str, str]) -> None:
        if self._path is not None:
            self._answers = {**self._answers, **answers}
            self._load(self._path)

    def _on_trust(self, trusted: bool) -> None:
        from napari_osuda.models import SavedAnswers

        loaded = self._loaded
        if loaded is None or loaded.refused is None or loaded.refused.sha256 is None:
            return
        if not trusted:
            self._set(None, None)
            self.card.setText(
                f"{escape(loaded.path.name)} was not opened, because it is a program that you do not trust."
            )
            return
        self._trusted |= {loaded.refused.sha256}
        with contextlib.suppress(OsudaError):
            # Where it cannot be kept it holds for as long as the window is open.
            SavedAnswers().keep_trust(loaded.refused.sha256, loaded.path)
        self._load(loaded.path)

    def _ask_again(self) -> None:
        from napari_osuda.models import SavedAnswers

        if self._loaded is None or self._loaded.model is None:
            return
        given, path = dict(self._loaded.answers), self._loaded.path
        try:
            SavedAnswers().keep_answers(self._loaded.model.sha256, {}, path)
        except OsudaError as error:
            self._on_failed(error)
            return
        self._answers = {}
        self._load(path)
        # For the fields that are about to be shown, not for the reading that has begun.
        self._answers = given

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

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a model", "", f"Models ({_FILES});;All files (*)")
        if path:
            self.open(path)

    def _show(self) -> None:
        self.card.setVisible(self._loaded is None or self._loaded.refused is None)
        if self._loaded is None:
            self.card.setText(
                "Choose a sample model, or open your own: a folder, .zip, weights, TorchScript or ONNX. "
                "It can also be dropped here. Only models with BatchNorm layers can be adapted."
            )
        elif self._loaded.questions:
            self.card.setText("The model's files leave something open. Please answer:")
        elif self._loaded.model is not None and self._loaded.inspection is not None:
            self.card.setText(card_text(self._loaded.model, self._loaded.inspection, self._colors))
        elif self._loaded.inspection is not None:
            whether = adaptability(self._loaded.inspection, self._colors)
            self.card.setText(f"<b>{escape(self._loaded.path.name)}</b><br>{whether}")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a single local file or folder."""
        if dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        path = dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.open(path)
