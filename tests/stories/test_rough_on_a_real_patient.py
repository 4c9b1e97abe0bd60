"""Rough handling of a real patient, with mouse and keys: nothing is lost, and nothing stays that is wrong.

The wrong order, renamed and deleted layers, themes, two viewers, an end in the middle of a run, a storm of
undo. ``OSUDA_STORIES=1`` tells it; it takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from hand import Hand, panel
from qtpy.QtCore import QSettings, Qt

from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.napari_layers.panels import open_panel
from napari_osuda.simulation.shipped import sample_models

pytestmark = [
    pytest.mark.viewer,
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif("OSUDA_STORIES" not in os.environ, reason="set OSUDA_STORIES to tell it"),
]

ADAPT, REVIEW = "OSUDA: Adapt", "OSUDA: Review"
DATA = Path(os.environ.get("OSUDA_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
PATIENT = DATA / "real_ms" / "patient19"


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path) -> None:
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


def _ended(viewer: Any) -> None:
    for title in (REVIEW, ADAPT):
        widget = panel(viewer, title)
        if widget is not None:
            viewer.window.remove_dock_widget(widget)


@pytest.fixture
def viewers(qapp: Any) -> Iterator[list[Any]]:
    if not PATIENT.exists() or "glioma-four-contrasts" not in sample_models():
        pytest.skip("the real data are not here (OSUDA_REAL_DATA), or the sample data are not built")
    import torch._dynamo  # noqa: F401

    viewers = [napari.Viewer(show=True)]
    yield viewers
    for viewer in viewers:
        _ended(viewer)
        viewer.close()


def _roles(viewer: Any) -> dict[str, Any]:
    return {layer.metadata[RESULT_KEY]: layer for layer in viewer.layers if RESULT_KEY in layer.metadata}


def _ours(viewer: Any) -> list[Any]:
    return [layer for layer in viewer.layers if RESULT_KEY in layer.metadata]


def _opened(hand: Hand, runs: Path) -> Any:
    hand.menu("Plugins", "OSUDA", ADAPT)
    hand.wait(lambda: panel(hand.viewer, ADAPT), "the Adapt panel")
    adapt = panel(hand.viewer, ADAPT)
    adapt.folder_panel.set_parent_folder(runs)
    return adapt


def test_rough_handling_of_a_real_patient(viewers, tmp_path):
    viewer = viewers[0]
    kept = os.environ.get("OSUDA_PICTURES")
    hand = Hand(viewer, Path(kept) if kept else None, title="rough")
    hand.window.resize(1366, 768)
    runs = tmp_path / "runs"
    # The wrong order: the review before there is a run, Adapt before there are images or a model.
    hand.menu("Plugins", "OSUDA", REVIEW)
    hand.wait(lambda: panel(viewer, REVIEW), "the Review panel")
    for key in (Qt.Key.Key_A, Qt.Key.Key_K, Qt.Key.Key_Z):
        hand.press(key)
    adapt = _opened(hand, runs)
    hand.click(adapt.run_panel.adapt_button)
    hand.click(adapt.run_panel.stop_button)
    assert adapt.run_panel.state == "idle"
    assert "choose a source model" in adapt.run_panel.label.text()
    hand.choose(adapt.model_panel.combo, "four contrasts")
    hand.wait(lambda: adapt.model_panel.model is not None, "the model")
    hand.click(adapt.run_panel.adapt_button)
    assert adapt.run_panel.state == "idle"

    # The images, one of them under a name that says nothing, and one deleted.
    paths = [p for p in sorted(PATIENT.glob("*.nii.gz")) if "LESIONS" not in p.name]
    adapt.opening.open(paths)
    hand.wait(lambda: len(viewer.layers) == 4 and not adapt.opening.busy, "the patient")
    hand.wait(adapt.run_panel.adapt_button.isEnabled, "the images")
    viewer.layers["FLAIR"].name = "series 7"
    viewer.layers.remove("T2")
    hand.wait(lambda: not adapt.run_panel.adapt_button.isEnabled(), "what is missing")
    assert "t2" in adapt.run_panel.label.text()
    hand.picture("1-missing")
    viewer.layers.remove("series 7")
    adapt.opening.open([PATIENT / "T2.nii.gz", PATIENT / "FLAIR.nii.gz"])
    hand.wait(adapt.run_panel.adapt_button.isEnabled, "all images")

    # A run during which the theme is switched, layers are deleted and renamed, and a second viewer opens.
    adapt.settings_panel.set_values(iterations=3, threads=1)
    hand.click(adapt.run_panel.adapt_button)
    hand.wait(lambda: "before" in _roles(viewer), "the original mask", 600)
    viewer.theme = "light"
    _roles(viewer)["before"].name = "x" * 60
    viewer.layers.remove(_roles(viewer)["before"])
    viewers.append(napari.Viewer(show=True))
    second = Hand(viewers[1])
    other = _opened(second, runs)
    other.opening.open(paths[:1])
    second.wait(lambda: len(viewers[1].layers) == 1, "an image in the other viewer")
    assert not _roles(viewers[1])
    # Closing asks; the run goes on where one does not want that after all.
    asked: list[str] = []
    adapt.closing.ask = lambda question: bool(asked.append(question))
    hand.window.close()
    assert len(asked) == 1
    assert adapt.cockpit.busy
    viewer.theme = "dark"
    hand.wait(lambda: adapt.run_panel.state in ("done", "failed") and adapt.settled, "the run", 1500)
    assert adapt.run_panel.state == "done", adapt.run_panel.label.text()
    assert len(viewers[1].layers) == 1
    assert not _roles(viewers[1])
    hand.picture("2-done")

    # A mask that somebody deleted is there again once it is wanted.
    for button, role in ((adapt.outcome_panel.before, "before"), (adapt.outcome_panel.after, "after")):
        if role in _roles(viewer):
            viewer.layers.remove(_roles(viewer)[role])
        hand.click(button)
        assert _roles(viewer)[role].visible

    # A review with a storm of decisions and undo, in which all layers of ours are deleted.
    hand.click(adapt.outcome_panel.review_button)
    review = panel(viewer, REVIEW)
    hand.wait(lambda: review.review is not None, "the run under review")
    first = review.review.final.copy()
    for step in range(12):
        hand.press((Qt.Key.Key_A, Qt.Key.Key_K)[step % 2])
        viewer.theme = ("light", "dark")[step % 2]
    assert review.review.decisions == 12
    for layer in list(_roles(viewer).values()):
        layer.name = "renamed"
    viewer.layers.remove(_roles(viewer)["after"])
    hand.wait(lambda: "after" in _roles(viewer), "the mask that was deleted")
    for _ in range(15):
        hand.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert review.review.decisions == 0
    np.testing.assert_array_equal(review.review.final, first)
    assert len({layer.metadata[RESULT_KEY] for layer in _ours(viewer)}) == len(_ours(viewer))
    assert not any(layer.name.endswith("]") for layer in _ours(viewer) if "renamed" not in layer.name)
    hand.picture("3-undone")

    # Without its images a run leaves nothing that could be taken for another patient's.
    viewer.layers.clear()
    hand.wait(lambda: adapt.outcome_panel.isHidden() and review.review is None, "the end of the outcome")
    assert not _roles(viewer)
    hand.picture("4-cleared")

    # A run that is closed on can be resumed.
    adapt.opening.open(paths)
    hand.wait(adapt.run_panel.adapt_button.isEnabled, "the images again")
    adapt.settings_panel.set_values(iterations=20)
    hand.click(adapt.run_panel.adapt_button)
    # The history of the run before stays until this one has started.
    hand.wait(lambda: adapt.cockpit.history.iterations == 20 and len(adapt.cockpit.history), "a step", 900)
    adapt.closing.ask = lambda question: True
    _ended(viewer)
    again = open_panel(viewer, ADAPT)
    again.resume_panel.look([runs])
    hand.wait(lambda: bool(again.resume_panel.runs), "the run that was closed on")
    hand.picture("5-resume")
