from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import QObject

from napari_osuda.errors import CaseError, ConfigError, RunUnderWayError
from napari_osuda.imaging import Grid, Preparation, case_from_arrays
from napari_osuda.imaging.world import layer_arguments
from napari_osuda.method import AdaptationConfig
from napari_osuda.session import Job
from napari_osuda.widgets.adapt import jobs
from napari_osuda.widgets.adapt.queue_panel import QueuePanel, Waiting
from napari_osuda.widgets.adapt.starter import Starter

SHAPE = (5, 4, 3)
GRID = Grid(SHAPE, np.eye(4))


def image(name="head_t1", shape=SHAPE):
    return Image(np.ones(shape[::-1], np.float32), name=name, **layer_arguments(Grid(shape, np.eye(4))))


def job(out=None):
    case = case_from_arrays("case", {"t1": np.zeros(SHAPE, np.float32)}, GRID)
    model = SimpleNamespace(
        card=SimpleNamespace(name="Model", labels={0: "background", 1: "lesion"}, channels=("t1",)), path=None
    )
    return Job(model, (case,), out=out)


@pytest.fixture
def parts(qtbot, tmp_path):
    """A starter, what it stands on, and what it tells."""
    queue = QueuePanel()
    qtbot.addWidget(queue)
    found = SimpleNamespace(
        viewer=ViewerModel(),
        cockpit=Mock(busy=False, result=None, image=None),
        model=SimpleNamespace(model=job().model, open=Mock()),
        channels=Mock(missing=()),
        settings=Mock(),
        folder=Mock(),
        queue=queue,
        owner=QObject(),
        failed=[],
        told=[],
        prepared=[],
    )
    found.cockpit.controller.job = None
    found.channels.layers.return_value = {"t1": image()}
    found.channels.reference_layer.return_value = None
    found.channels.preparation.return_value = (Preparation(), None)
    found.settings.config.return_value = AdaptationConfig(iterations=1)
    found.settings.method.currentText.return_value = "osuda"
    found.settings.device.currentText.return_value = "cpu"
    found.folder.path.return_value = tmp_path / "run"
    found.starter = Starter(
        found.owner, found.viewer, found.cockpit, found.model, found.channels, found.settings,
        found.folder, queue,
    )  # fmt: skip
    found.starter.failed.connect(found.failed.append)
    found.starter.message.connect(found.told.append)
    found.starter.preparing.connect(lambda: found.prepared.append(True))
    yield found
    found.starter.close()


def test_what_was_chosen_is_made_a_job_and_begun_on_its_image(parts, qtbot, tmp_path):
    parts.starter.adapt()
    assert parts.prepared == [True]
    qtbot.waitUntil(lambda: parts.cockpit.start.called)
    begun, shown_on = parts.cockpit.start.call_args.args
    assert (begun.method, begun.device, begun.out) == ("osuda", "cpu", tmp_path / "run")
    assert shown_on is parts.channels.layers()["t1"]
    parts.folder.remember.assert_called_with(tmp_path / "run")


@pytest.mark.parametrize("lacks", ["model", "channel", "run under way"])
def test_nothing_begins_while_something_is_missing_or_under_way(parts, lacks):
    if lacks == "model":
        parts.model.model = None
    elif lacks == "channel":
        parts.channels.missing = ("t2",)
    else:
        parts.cockpit.busy = True
    parts.starter.adapt()
    assert not parts.prepared
    assert not parts.failed


def test_a_setting_that_cannot_be_is_told(parts):
    parts.settings.config.side_effect = ConfigError("iterations is -1; it must be 0 or more.")
    parts.starter.adapt()
    assert parts.failed == ["iterations is -1; it must be 0 or more."]
    assert not parts.prepared


def test_layers_on_two_grids_are_told_before_any_voxel_is_read(parts):
    other = image("other_t2")
    del other.metadata["napari_osuda"]
    other.translate = (5, 0, 0)
    parts.channels.layers.return_value = {"t1": image(), "t2": other}
    parts.starter.adapt()
    assert "other_t2" in parts.failed[0]
    assert not parts.prepared


def test_a_job_that_cannot_be_made_is_a_sentence(parts, qtbot, monkeypatch):
    def refuse(*arguments):
        raise CaseError("head_t1.nii.gz ends early.")

    monkeypatch.setattr(jobs, "job_of_layers", refuse)
    with qtbot.waitSignal(parts.starter.failed):
        parts.starter.adapt()
    assert parts.failed == ["head_t1.nii.gz ends early."]
    parts.cockpit.start.assert_not_called()


def test_a_second_run_of_the_same_name_waits_with_a_folder_of_its_own(parts, qtbot, tmp_path):
    parts.cockpit.busy = True
    parts.cockpit.controller.job = job(tmp_path / "run")
    parts.starter.queue()
    qtbot.waitUntil(lambda: len(parts.queue.waiting) == 1)
    parts.starter.queue()
    qtbot.waitUntil(lambda: len(parts.queue.waiting) == 2)
    assert [w.job.out.name for w in parts.queue.waiting] == ["run-2", "run-3"]
    assert parts.queue.running_on


def test_what_is_queued_while_nothing_runs_waits_for_the_user(parts, qtbot):
    parts.starter.queue()
    qtbot.waitUntil(lambda: len(parts.queue.waiting) == 1)
    assert not parts.queue.running_on
    parts.queue.start_button.click()
    parts.cockpit.start.assert_called_once()
    assert parts.queue.running_on
    assert not parts.queue.waiting


def test_the_next_run_waits_while_one_is_under_way(parts):
    parts.queue.add(Waiting(job(), None))
    parts.cockpit.busy = True
    parts.starter.next()
    parts.cockpit.start.assert_not_called()
    parts.cockpit.busy = False
    parts.starter.next()
    parts.cockpit.start.assert_called_once()


def test_a_run_again_is_on_the_last_result(parts, qtbot, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        jobs, "rerun_job", lambda result, *choices, on_result: asked.append((result, on_result)) or job()
    )
    parts.starter.run_again("source")
    assert not parts.prepared
    parts.cockpit.result = SimpleNamespace(folder=tmp_path)
    parts.cockpit.image = image()
    parts.starter.run_again("result")
    parts.model.open.assert_called_with(tmp_path / "model")
    qtbot.waitUntil(lambda: parts.cockpit.start.called)
    assert asked == [(parts.cockpit.result, True)]


def test_a_resumed_run_opens_its_files_where_they_are_not_open(parts, qtbot, monkeypatch, tmp_path):
    path = Path(tmp_path / "t1.nii.gz")
    resumed = job()
    source = SimpleNamespace(path=path)
    resumed = SimpleNamespace(
        model=SimpleNamespace(path="model", card=None),
        cases=(SimpleNamespace(sources=(source, source)),),
        out=None,
    )
    monkeypatch.setattr(jobs, "job_of_unfinished", lambda unfinished, reference: resumed)
    opened = []

    def open_file(name, plugin):
        opened.append(name)
        layer = image("t1")
        layer.metadata["napari_osuda"]["path"] = name
        parts.viewer.add_layer(layer)

    monkeypatch.setattr(ViewerModel, "open", lambda self, name, plugin: open_file(name, plugin))
    parts.starter.resume(object())
    qtbot.waitUntil(lambda: parts.cockpit.start.called)
    assert opened == [str(path)]
    assert parts.cockpit.start.call_args.args == (resumed, parts.viewer.layers["t1"])
    parts.model.open.assert_called_with("model")


def test_a_run_that_begins_beside_another_is_told(parts):
    parts.cockpit.start.side_effect = RunUnderWayError
    parts.queue.add(Waiting(job(), None))
    parts.starter.next()
    assert parts.failed == ["A run is under way. Stop it first."]


def test_what_is_asked_for_while_a_run_is_put_in_the_queue_is_refused_with_a_sentence(
    parts, qtbot, monkeypatch
):
    gate, make = threading.Event(), jobs.job_of_layers

    def slow(*arguments):
        gate.wait(30)
        return make(*arguments)

    monkeypatch.setattr(jobs, "job_of_layers", slow)
    parts.starter.queue()
    parts.starter.queue()
    assert parts.told == ["The last run is still being put in the queue. Press again in a moment."]
    gate.set()
    qtbot.waitUntil(lambda: len(parts.queue.waiting) == 1)
