"""Questions before something is done; the window lives on while one is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox, QPushButton, QWidget

__all__ = ["CANCEL", "ask"]

CANCEL = "Cancel"


def ask(
    parent: QWidget, question: str, answers: Mapping[str, Callable[[], object]], *, cautious: bool = False
) -> QMessageBox:
    """Ask, and do what the answer stands for; nothing on "Cancel", which Escape means too.

    Parameters
    ----------
    parent : QWidget
        Which window waits for the answer.
    question : str
    answers : mapping of str to callable
        By the titles of the buttons; Enter means the first.
    cautious : bool
        Enter means "Cancel" too: nothing happens by a key that was pressed too soon.
    """
    box = QMessageBox(QMessageBox.Icon.Question, "OSUDA", question, parent=parent.window())
    box.setWindowModality(Qt.WindowModality.WindowModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    buttons: dict[QPushButton, Callable[[], object]] = {}
    for title, act in answers.items():
        button = box.addButton(title, QMessageBox.ButtonRole.AcceptRole)
        assert button is not None
        buttons[button] = act
    cancel = box.addButton(CANCEL, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel if cautious else next(iter(buttons)))
    box.setEscapeButton(cancel)

    def answered(_: int) -> None:
        chosen = box.clickedButton()
        if isinstance(chosen, QPushButton) and chosen in buttons:
            buttons[chosen]()

    box.finished.connect(answered)
    box.open()
    return box
