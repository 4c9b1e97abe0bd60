"""What a foreign model's files do not say, asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_osuda.widgets.qt.editors import editor
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
        self._editors: dict[str, ValueWidget[Any]] = {}
        self.button = QPushButton("Use these answers")
        self.button.clicked.connect(lambda: self.answered.emit(self.answers()))
        self._layout.addWidget(self.button)

    @property
    def fields(self) -> dict[str, QWidget]:
        """The Qt widget of each question, by its key."""
        return {key: field.native for key, field in self._editors.items()}

    def ask(self, questions: Iterable[Question], filled: Mapping[str, str] | None = None) -> None:
        """Show these questions in place of earlier ones, with these answers where there are some."""
        while self._layout.count() > 1:
            item = self._layout.takeAt(0)
            item.widget().deleteLater()
        self._editors.clear()
        for index, question in enumerate(questions):
            likely = _text(question.default)
            given = str((filled or {}).get(question.key, likely))
            one = question.declared._replace(default=_allowed(question, given, likely))
            field = editor(question.key, one, question.text)
            self._editors[question.key] = field
            self._layout.insertWidget(2 * index, WrappedLabel(question.text))
            self._layout.insertWidget(2 * index + 1, field.native)

    def answers(self) -> dict[str, str]:
        """What is in the fields; an empty one leaves the default."""
        texts = {key: str(field.value) for key, field in self._editors.items()}
        return {key: text for key, text in texts.items() if text}


def _allowed(question: Question, *wanted: str) -> str:
    """The first of these answers that the question allows."""
    if not question.choices:
        return wanted[0]
    return next((answer for answer in wanted if answer in question.choices), question.choices[0])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={inner}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
