from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_osuda.errors import ConfigError
from napari_osuda.method import AdaptationConfig
from napari_osuda.widgets.adapt.batch.stand_ins import StandInNote

T2 = SimpleNamespace(card=SimpleNamespace(channels=("t2",)))


@pytest.mark.parametrize(
    ("contrast", "given", "said", "link"),
    [
        ("fitted", None, "Its brightness is converted.", True),
        ("off", None, "Its brightness stays as it is.", False),
        ("names", "names", "Its brightness is converted.", False),
    ],
    ids=["converted", "turned off", "the batch has begun"],
)
def test_what_is_done_for_another_contrast_is_said(qtbot, contrast, given, said, link):
    note = StandInNote(lambda: (T2, AdaptationConfig(contrast=contrast), "osuda", "cpu"))
    qtbot.addWidget(note)
    assert note.channels() == ("t2",)
    note.set_found(("t2",), {"flair": ("Adam", "Berg")})
    note.refresh(given)
    assert note.text().startswith(f"FLAIR is used in place of T2 (Adam, Berg). {said}")
    assert ("Turn off" in note.text()) == link
    assert not note.isHidden()
    note.set_found()
    note.refresh()
    assert note.isHidden()


def test_a_setting_that_cannot_be_is_told_elsewhere(qtbot):
    def chosen():
        raise ConfigError("The learning rate is -1.")

    note = StandInNote(chosen)
    qtbot.addWidget(note)
    assert note.channels() == ()
    note.refresh()
    assert note.isHidden()
