from __future__ import annotations

import pytest

from napari_osuda.imaging import Knots
from napari_osuda.session.notes import NoteKind
from napari_osuda.session.run import wording

CURVE = Knots((-1.0, 0.0, 1.0), (1.0, 0.0, -1.0))
CHANNELS = [("t2", "FLAIR", "inverted"), ("t1", "T1", "identity")]

NOTES = {
    "small batches": (wording.small_batches(2, 16), NoteKind.SMALL_BATCHES),
    "no repeat": (wording.no_repeat(3, 5), NoteKind.NO_REPEAT),
    "as set": (wording.contrast_as_set("fluid_bright"), NoteKind.CONTRAST),
    "converted": (wording.contrast_converted(CHANNELS), NoteKind.CONTRAST),
    "contradicted": (wording.contrast_contradicted(CHANNELS, 1.0, 2.0), NoteKind.CONTRAST),
    "unnamed": (wording.contrast_unnamed("scan", "t2", 2.0, 1.0), NoteKind.CONTRAST),
    "mixed": (wording.contrast_mixed(["a", "b"]), NoteKind.CONTRAST),
    "resumed": (wording.resumed(3, 20), NoteKind.RESUMED),
    "stopped": (wording.stopped(3, 20), NoteKind.STOPPED),
    "nothing changed": (wording.nothing_changed(), NoteKind.STOPPED),
    "memory": (wording.memory(3, 8, volumes=True), NoteKind.MEMORY),
    "collapse": (wording.collapse("It collapsed."), NoteKind.COLLAPSE),
    "fallback": (wording.fallback("It fell back."), NoteKind.FALLBACK),
    "choice": (wording.choice(3, 20), NoteKind.CHOICE),
}


@pytest.mark.parametrize("name", NOTES)
def test_each_note_is_of_its_kind_and_ends_as_a_sentence(name):
    note, kind = NOTES[name]
    assert note.kind is kind
    assert note.text[0].isupper() or note.text.startswith("'")
    assert note.text.endswith(".")


def test_one_patch_is_singular():
    assert "has 1 patch instead of 16" in wording.small_batches(1, 16).text
    assert "has 2 patches instead of 16" in wording.small_batches(2, 16).text


def test_channels_that_stay_are_not_named():
    text = wording.contrast_converted(CHANNELS).text
    assert "FLAIR is used in place of T2" in text
    assert "T1 stands" not in text
    assert "a curve" in wording.contrast_converted([("t2", "FLAIR", CURVE)]).text


def test_memory_is_told_in_what_the_network_takes():
    assert "8 patches" in wording.memory(1, 8, volumes=True).text
    assert "8 slices" in wording.memory(1, 8, volumes=False).text
