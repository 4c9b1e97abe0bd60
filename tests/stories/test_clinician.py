"""From images to a signed mask with mouse and keys on a real window, and how many clicks it takes.

``OSUDA_PICTURES=FOLDER`` keeps a picture of each step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import napari
import nibabel as nib
import numpy as np
import pytest
from hand import Hand, panel
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest

from napari_osuda.benchmark.real.lgg import find_lgg, read_lgg
from napari_osuda.imaging import read_labels
from napari_osuda.simulation.shipped import sample_models, sample_patients
from napari_osuda.widgets.review import words

pytestmark = [pytest.mark.viewer, pytest.mark.slow, pytest.mark.timeout(1800)]

MODEL = "glioma-four-contrasts"
ITERATIONS = 2


# One story is told in every run of the tests; the others take half a minute and more each.
LONG = pytest.mark.skipif("OSUDA_STORIES" not in os.environ, reason="set OSUDA_STORIES to tell it")


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path) -> None:
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture
def hand(qapp: Any, request: pytest.FixtureRequest) -> Iterator[Hand]:
    import torch._dynamo  # noqa: F401

    # A viewer of its own: the hand that holds it outlives the fixture of napari.
    viewer = napari.Viewer(show=True)
    kept = os.environ.get("OSUDA_PICTURES")
    hand = Hand(viewer, Path(kept) if kept else None, title=request.node.name)
    hand.window.resize(1366, 768)
    yield hand
    for title in ("OSUDA: Review", "OSUDA: Adapt"):
        widget = panel(viewer, title)
        if widget is not None:
            viewer.window.remove_dock_widget(widget)
    viewer.close()


def real(*parts: str) -> Path:
    """A file or folder of real data, or a skip."""
    data = Path(os.environ.get("OSUDA_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = data.joinpath(*parts)
    if not path.exists():
        pytest.skip("the real data are not here (OSUDA_REAL_DATA)")
    return path


def samples() -> None:
    if "low-grade" not in sample_patients() or MODEL not in sample_models():
        pytest.skip("the sample data are not built")


def open_adapt(hand: Hand, runs: Path) -> Any:
    hand.menu("Plugins", "OSUDA", "OSUDA: Adapt")
    hand.wait(lambda: panel(hand.viewer, "OSUDA: Adapt"), "the Adapt panel")
    adapt = panel(hand.viewer, "OSUDA: Adapt")
    adapt.folder_panel.set_parent_folder(runs)
    return adapt


def run_it(hand: Hand, adapt: Any, model: str = "four contrasts") -> Any:
    """Choose the model where it is not chosen yet, adapt, and open the review."""
    if model:
        hand.choose(adapt.model_panel.combo, model)
    hand.wait(adapt.run_panel.adapt_button.isEnabled, "the model")
    adapt.settings_panel.set_values(iterations=ITERATIONS, threads=1)
    hand.picture("1-ready")
    hand.click(adapt.run_panel.adapt_button)
    hand.wait(lambda: adapt.run_panel.state in ("done", "failed") and adapt.settled, "the run", 1500)
    assert adapt.run_panel.state == "done", adapt.run_panel.label.text()
    hand.picture("2-done")
    hand.click(adapt.outcome_panel.review_button)
    hand.wait(lambda: panel(hand.viewer, "OSUDA: Review"), "the Review panel")
    review = panel(hand.viewer, "OSUDA: Review")
    hand.wait(lambda: review.review is not None, "the run under review")
    hand.picture("3-review")
    return review


def sign(hand: Hand, review: Any) -> Path:
    """All undecided: use adapted; save and sign; the file."""
    hand.click(review.page.decide.rest_after)
    hand.answer(words.use("after", review.review.case.names))
    # Once all is decided only the name is missing, and the keyboard is for it.
    # A virtual display makes no window active; which field the keys go to is known all the same.
    assert hand.window.focusWidget() is review.page.name, "one writes the name without another click"
    assert words.NAME_NEXT in review.page.note.text()
    hand.type(review.page.name, "A. Reader")
    QTest.keyClick(review.page.name, Qt.Key.Key_Return)
    if hand.asked:
        hand.answer("Save and sign")
    hand.wait(lambda: words.REPORT_DONE in review.page.note.text(), "the report")
    hand.picture("4-signed")
    (path,) = (review.run.folder / "final").glob("*.nii.gz")
    np.testing.assert_array_equal(read_labels(path)[0], review.review.case.after)
    record = json.loads((review.run.folder / "review.json").read_text(encoding="utf-8"))
    (case,) = record["cases"].values()
    assert {entry["who"] for entry in case["log"]} == {"A. Reader"}
    return path


def inside(hand: Hand, *widgets: Any) -> None:
    """Whether buttons are seen whole, and are no thinner than a button."""
    for widget in widgets:
        assert widget.isVisible()
        assert widget.visibleRegion().boundingRect() == widget.rect(), f"{widget.text()} is cut"
        assert widget.height() >= 18, f"{widget.text()} is thin"
    hand.wait(
        lambda: hand.window.width() <= 1366 and hand.window.height() <= 768,
        f"the window fits the screen; it was {hand.window.size()}",
        seconds=20,
    )


def test_from_an_empty_viewer_to_a_signed_mask_of_the_sample(hand, tmp_path):
    samples()
    adapt = open_adapt(hand, tmp_path / "runs")
    hand.open_menu(adapt.welcome.sample_button, "Low-grade")
    hand.wait(lambda: len(hand.viewer.layers) >= 4, "the sample")
    review = run_it(hand, adapt)
    decide = review.page.decide
    inside(hand, decide.after, decide.before, decide.edit, decide.flag, review.page.save_button)
    sign(hand, review)
    assert hand.clicks <= 11, hand.clicks


@LONG
def test_from_an_opened_volume_to_a_signed_mask(hand, tmp_path):
    samples()
    hand.viewer.open_sample("napari-osuda", "low-grade")
    adapt = open_adapt(hand, tmp_path / "runs")
    review = run_it(hand, adapt)
    sign(hand, review)
    # Where neither mask is trusted, one more question is answered before a file is written.
    assert hand.clicks <= 8 + (review.review.case.decision == "neither"), hand.clicks


@LONG
def test_a_real_ms_patient(hand, tmp_path):
    samples()
    paths = [p for p in sorted(real("real_ms", "patient19").glob("*.nii.gz")) if "LESIONS" not in p.name]
    hand.viewer.open([str(path) for path in paths], plugin="napari-osuda")
    review = run_it(hand, open_adapt(hand, tmp_path / "runs"))
    inside(hand, review.page.decide.after, review.page.decide.before, review.page.save_button)
    sign(hand, review)


@LONG
def test_a_real_glioma_patient_without_the_models_contrast(hand, tmp_path):
    """FLAIR is taken in place of T2; the panel says so before the run, and the mask may be refused."""
    samples()
    scan = read_lgg(find_lgg(real("real_lgg"))[0])
    for contrast, data in scan.images.items():
        image = nib.Nifti1Image(data.astype(np.float32), scan.grid.affine)
        nib.save(image, tmp_path / f"patient_{contrast.replace(' ', '')}.nii.gz")
    paths = [str(path) for path in sorted(tmp_path.glob("patient_*.nii.gz"))]
    hand.viewer.open(paths, plugin="napari-osuda")
    adapt = open_adapt(hand, tmp_path / "runs")
    hand.choose(adapt.model_panel.combo, "from T2")
    hand.wait(lambda: adapt.model_panel.model is not None, "the model")
    hand.wait(lambda: "t2" in adapt.channel_panel.combos, "the model's channel")
    assert "FLAIR" in adapt.channel_panel.combos["t2"].currentText()
    hand.wait(adapt.run_panel.adapt_button.isEnabled, "the image")
    assert "FLAIR is used in place of T2" in adapt.note.text()
    review = run_it(hand, adapt, model="")
    sign(hand, review)
