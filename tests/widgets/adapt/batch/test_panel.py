from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_osuda.method import AdaptationConfig
from napari_osuda.session.cohort import batch as batches
from napari_osuda.session.cohort.batch import Batch, BatchProgress, SavedBatch
from napari_osuda.widgets.adapt.batch import words
from napari_osuda.widgets.adapt.batch.panel import BatchPanel


@pytest.fixture
def chosen(tmp_path):
    """What the other panels would give, and whether a run is under way."""
    return SimpleNamespace(
        model=SimpleNamespace(path=tmp_path / "model", card=SimpleNamespace(channels=("t2",))),
        busy=False,
        config=AdaptationConfig(iterations=3),
    )


@pytest.fixture
def patients(tmp_path):
    for name in ("Adam", "Berg"):
        folder = tmp_path / "patients" / name
        folder.mkdir(parents=True)
        (folder / "t2.nii.gz").touch()
    return tmp_path / "patients"


def panel_of(qtbot, chosen, tmp_path):
    panel = BatchPanel(
        lambda: (chosen.model, chosen.config, "osuda", "cpu"), lambda: tmp_path / "runs", lambda: chosen.busy
    )
    qtbot.addWidget(panel, before_close_func=lambda panel: panel.close_down())
    return panel


def stand_in(monkeypatch, *told):
    """In place of the work itself: stands still before the last is told, until it is to stop."""
    begun = []

    def go(batch, stopping, model=None):
        begun.append(batch)
        yield from told[:-1]
        while not stopping() and told[-1].open:
            pass
        yield told[-1]

    monkeypatch.setattr(batches, "go_through", go)
    return begun


def test_a_batch_is_chosen_begun_and_stopped_and_goes_on_in_another_window(
    qtbot, chosen, patients, tmp_path, monkeypatch
):
    begun = stand_in(monkeypatch, BatchProgress(2, now="Adam"), BatchProgress(2, done=1))
    panel = panel_of(qtbot, chosen, tmp_path)
    assert panel.start_button.toolTip() == words.NO_FOLDER
    panel.open(patients)
    qtbot.waitUntil(lambda: "2 patients in patients" in panel.state.text(), timeout=60_000)
    assert panel.start_button.isEnabled()
    with qtbot.waitSignal(panel.under_way, timeout=60_000):
        panel.start_button.click()
    qtbot.waitUntil(lambda: "Now: Adam" in panel.state.text(), timeout=60_000)
    assert panel.start_button.toolTip() == words.RUNNING
    panel.stop_button.click()
    qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
    assert "1 of 2 patients done" in panel.state.text()
    (batch,) = begun
    assert batch.config.iterations == 3
    assert SavedBatch().read() == batch

    monkeypatch.setattr(batches, "read_progress", lambda batch: BatchProgress(2, done=1))
    later = panel_of(qtbot, chosen, tmp_path)
    later.look()
    qtbot.waitUntil(lambda: "Not finished" in later.state.text(), timeout=60_000)
    assert later.start_button.text() == "Go on"
    assert later.fold.isExpanded()
    later.remove_button.click()
    assert SavedBatch().read() is None
    assert later.start_button.toolTip() == words.NO_FOLDER


def test_a_batch_that_is_done_is_forgotten_and_who_failed_is_named(
    qtbot, chosen, patients, tmp_path, monkeypatch
):
    stand_in(monkeypatch, BatchProgress(2, done=1, failed=(("Berg", "T2 is missing."),)))
    panel = panel_of(qtbot, chosen, tmp_path)
    panel.open(patients)
    qtbot.waitUntil(panel.start_button.isEnabled, timeout=60_000)
    panel.start()
    qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
    assert panel.failures.text() == "Berg: T2 is missing."
    assert SavedBatch().read() is None


@pytest.mark.parametrize("lacks", ["model", "patients", "place"])
def test_what_is_missing_is_said(qtbot, chosen, patients, tmp_path, lacks):
    panel = panel_of(qtbot, chosen, tmp_path)
    if lacks == "model":
        chosen.model = None
    if lacks == "place":
        chosen.busy = True
    empty = tmp_path / "empty"
    empty.mkdir()
    panel.open(empty if lacks == "patients" else patients)
    said = {"model": words.NO_MODEL, "patients": "holds no patients", "place": words.A_RUN}[lacks]
    if lacks == "model":
        qtbot.waitUntil(panel.start_button.isEnabled, timeout=60_000)
        panel.start()
    where = panel.start_button.toolTip if lacks == "place" else panel.state.text
    qtbot.waitUntil(lambda: said in where(), timeout=60_000)
    assert not panel.running


def test_a_batch_of_settings_is_kept_whole(chosen, tmp_path):
    batch = Batch.of(tmp_path, tmp_path, chosen.model, chosen.config, "osuda", "cpu")
    assert batch.config == chosen.config


def test_a_folder_one_level_too_high_offers_its_folders(qtbot, chosen, patients, tmp_path):
    panel = panel_of(qtbot, chosen, tmp_path)
    (tmp_path / "top").mkdir()
    patients.rename(tmp_path / "top" / "hospital")
    panel.open(tmp_path / "top")
    qtbot.waitUntil(lambda: "not one patient each" in panel.state.text(), timeout=60_000)
    assert not panel.deeper_button.isHidden()
    assert not panel.start_button.isEnabled()
    (action,) = panel.deeper_button.menu().actions()
    action.trigger()
    qtbot.waitUntil(lambda: "2 patients in hospital" in panel.state.text(), timeout=60_000)
    assert panel.deeper_button.isHidden()


def test_another_contrast_is_said_before_the_batch_begins_and_can_be_left_as_it_is(
    qtbot, chosen, patients, tmp_path
):
    (patients / "Berg" / "t2.nii.gz").rename(patients / "Berg" / "flair.nii.gz")
    panel = panel_of(qtbot, chosen, tmp_path)
    panel.open(patients)
    qtbot.waitUntil(lambda: "FLAIR is used in place of T2 (Berg)" in panel.stand_ins.text(), timeout=60_000)
    with qtbot.waitSignal(panel.contrast_off):
        panel.stand_ins.linkActivated.emit("off")
    chosen.model = SimpleNamespace(path=tmp_path / "model", card=SimpleNamespace(channels=("flair",)))
    panel.look_again()
    qtbot.waitUntil(lambda: "T2 is used in place of FLAIR (Adam)" in panel.stand_ins.text(), timeout=60_000)
