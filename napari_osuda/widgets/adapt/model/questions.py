"""What a foreign model's files do not say, asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.models import Question

__all__ = ["QuestionForm"]


class QuestionForm(QWidget):
    """One field for each open question, filled in with what is likely."""

    #: Key of the card to answer, as the command line's ``--set-card`` takes them.
    answered = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.fields: dict[str, QComboBox | QLineEdit] = {}
        self.button = QPushButton("Use these answers")
        self.button.clicked.connect(lambda: self.answered.emit(self.answers()))
        self._layout.addWidget(self.button)

    def ask(self, questions: Iterable[Question], filled: Mapping[str, str] | None = None) -> None:
        """Show these questions in place of earlier ones, with these answers where there are some."""
        while self._layout.count() > 1:
            item = self._layout.takeAt(0)
            item.widget().deleteLater()
        self.fields.clear()
        for index, question in enumerate(questions):
            field = _field(question)
            if filled and question.key in filled:
                _fill(field, str(filled[question.key]))
            field.setAccessibleName(question.text)
            field.setMinimumWidth(1)
            self.fields[question.key] = field
            self._layout.insertWidget(2 * index, WrappedLabel(question.text))
            self._layout.insertWidget(2 * index + 1, field)

    def answers(self) -> dict[str, str]:
        """What is in the fields; an empty one leaves the default."""
        texts = {
            key: field.currentText() if isinstance(field, QComboBox) else field.text().strip()
            for key, field in self.fields.items()
        }
        return {key: text for key, text in texts.items() if text}


def _field(question: Question) -> QComboBox | QLineEdit:
    if question.choices:
        combo = QComboBox()
        combo.addItems(question.choices)
        combo.setCurrentText(str(question.default))
        return combo
    return QLineEdit(_text(question.default))


def _fill(field: QComboBox | QLineEdit, text: str) -> None:
    if isinstance(field, QComboBox):
        field.setCurrentText(text)
    else:
        field.setText(text)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={inner}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
