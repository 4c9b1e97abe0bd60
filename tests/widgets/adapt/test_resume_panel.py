from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from napari_osuda import session
from napari_osuda.widgets.adapt.resume_panel import ResumePanel


@dataclass
class Interrupted:
    """A run as the panel looks at it."""

    folder: Path
    saved: float = 1.7e9
    cases: tuple[str, ...] = ("patient<7>",)
    iterations: tuple[int, int] = (3, 20)
    resumable: bool = True
    interrupted: bool = True
    forgotten: list[bool] = field(default_factory=list)

    def forget(self) -> None:
        self.forgotten.append(True)


@pytest.fixture
def panel(qtbot):
    widget = ResumePanel()
    qtbot.addWidget(widget)
    yield widget
    widget.close_down()


@pytest.fixture
def find(panel, qtbot, monkeypatch):
    """Let the panel find these runs."""

    def found(*runs: Interrupted) -> None:
        monkeypatch.setattr(
            session, "find_unfinished", lambda folder: [r for r in runs if r.folder == folder]
        )
        with qtbot.waitSignal(panel._looking.done):
            panel.look([Path("a"), Path("b")])

    return found


def test_nothing_is_offered_where_nothing_was_interrupted(panel, find):
    find(Interrupted(Path("a"), interrupted=False))
    assert panel.isHidden()


def test_the_newest_run_of_all_folders_is_offered_first(panel, find):
    find(Interrupted(Path("a"), saved=1.6e9, cases=("old",)), Interrupted(Path("b"), cases=("new",)))
    assert not panel.isHidden()
    assert "new" in panel.text.text()
    assert "3 of 20 iterations done" in panel.text.text()
    assert "1 more after this" in panel.text.text()
    panel.later_button.click()
    assert "old" in panel.text.text()
    panel.later_button.click()
    assert panel.isHidden()


def test_a_name_is_text_and_not_markup(panel, find):
    find(Interrupted(Path("a")))
    assert "patient&lt;7&gt;" in panel.text.text()


def test_resume_hands_the_run_on_and_discard_forgets_it(panel, find, qtbot):
    first, second = Interrupted(Path("a"), saved=1.7e9), Interrupted(Path("a"), saved=1.6e9)
    find(first, second)
    with qtbot.waitSignal(panel.resume) as resumed:
        panel.resume_button.click()
    assert resumed.args == [first]
    panel.discard_button.click()
    assert second.forgotten == [True]
    assert not first.forgotten
    assert panel.isHidden()


def test_a_run_without_files_cannot_be_resumed_and_says_so(panel, find):
    find(Interrupted(Path("a"), resumable=False))
    assert not panel.resume_button.isEnabled()
    assert panel.resume_button.toolTip() in panel.text.text()
    assert "not read from files" in panel.text.text()


def test_folders_that_cannot_be_looked_through_offer_nothing(panel, qtbot, monkeypatch):
    def refuse(folder):
        raise OSError

    monkeypatch.setattr(session, "find_unfinished", refuse)
    with qtbot.waitSignal(panel._looking.failed):
        panel.look([Path("a")])
    assert panel.isHidden()
