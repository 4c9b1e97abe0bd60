from __future__ import annotations

import threading
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject

from napari_osuda.errors import CaseError
from napari_osuda.widgets.adapt.inputs import opening as module
from napari_osuda.widgets.adapt.inputs.opening import Opening


@pytest.fixture
def opened(qapp, monkeypatch):
    """An opening into a viewer without a window, and what it says."""
    monkeypatch.setattr(module, "show_patient", lambda viewer: None)
    owner, viewer = QObject(), ViewerModel()
    opening = Opening(viewer, owner)
    said, failed = [], []
    opening.message.connect(said.append)
    opening.failed.connect(failed.append)
    yield opening, viewer, said, failed
    opening.close()


def test_files_become_layers_one_after_the_other(opened, qtbot, tmp_path):
    opening, viewer, said, failed = opened
    paths = []
    for name in ("t1", "t2"):
        paths.append(tmp_path / f"head_{name}.nii.gz")
        nib.save(nib.Nifti1Image(np.ones((4, 4, 3), np.float32), np.eye(4)), paths[-1])
    opening.open(paths)
    assert opening.busy
    qtbot.waitUntil(lambda: not opening.busy, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["head_t1", "head_t2"]
    assert said[0] == "Opening 2 files…"
    assert said[-1] == ""
    assert not failed


def test_what_is_no_image_is_a_sentence_and_adds_nothing(opened, qtbot, tmp_path):
    opening, viewer, said, failed = opened
    path = tmp_path / "notes.txt"
    path.write_text("no image")
    opening.open([path])
    qtbot.waitUntil(lambda: bool(failed), timeout=60_000)
    assert failed == [
        "notes.txt is not an MRI: open NIfTI, NRRD, MetaImage or MGH files, or a folder with DICOM series."
    ]
    assert said == ["Opening notes.txt…", ""]
    assert not viewer.layers


def test_a_run_is_told_once_its_layers_are_there(opened, qtbot, monkeypatch):
    opening, viewer, _, _ = opened
    layer = (np.zeros((3, 4, 5)), {"name": "mask"}, "image")
    monkeypatch.setattr(module, "read_run_folder", lambda folder: [layer])
    seen = []
    opening.run_opened.connect(lambda: seen.append(len(viewer.layers)))
    opening.open_run(Path("runs/1"))
    qtbot.waitUntil(lambda: bool(seen), timeout=60_000)
    assert seen == [1]


def test_nothing_is_put_up_after_closing(opened, qtbot, monkeypatch):
    opening, viewer, _, _ = opened
    monkeypatch.setattr(module, "sample_layers", lambda name: [(np.zeros((3, 4, 5)), {}, "image")])
    opening.open_sample("low-grade")
    opening.close()
    assert not opening.busy
    assert not viewer.layers


@pytest.fixture
def gates(monkeypatch):
    """Samples that are read once their gate is open; "broken" cannot be."""
    found = {name: threading.Event() for name in ("one", "two", "broken")}

    def read(name):
        found[name].wait(30)
        if name == "broken":
            raise CaseError("broken ends early.")
        return [(np.zeros((3, 4, 5)), {"name": name}, "image")]

    monkeypatch.setattr(module, "sample_layers", read)
    yield found
    for gate in found.values():
        gate.set()


def test_what_is_opened_while_others_are_read_takes_the_place_of_nothing(opened, qtbot, gates):
    opening, viewer, said, failed = opened
    opening.open_sample("one")
    opening.open_sample("two")
    assert said == ["Opening one…", "Opening one, two…"]
    gates["two"].set()
    qtbot.waitUntil(lambda: "two" in viewer.layers)
    assert opening.busy
    assert said[-1] == "Opening one…"
    gates["one"].set()
    qtbot.waitUntil(lambda: "one" in viewer.layers)
    qtbot.waitUntil(lambda: not opening.busy)
    assert said[-1] == ""
    assert not failed


def test_why_one_could_not_be_opened_stays_when_the_others_come(opened, qtbot, gates):
    opening, viewer, said, _ = opened
    told = []
    opening.message.connect(told.append)
    opening.failed.connect(told.append)
    opening.open_sample("broken")
    opening.open_sample("one")
    gates["broken"].set()
    qtbot.waitUntil(lambda: said[-1] == "Opening one…")
    gates["one"].set()
    qtbot.waitUntil(lambda: "one" in viewer.layers and not opening.busy)
    qtbot.waitUntil(lambda: told[-1] == "broken ends early.")


def test_the_same_asked_for_twice_is_read_once(opened, qtbot, gates):
    opening, viewer, said, _ = opened
    opening.open_sample("one")
    opening.open_sample("one")
    assert said == ["Opening one…"]
    gates["one"].set()
    qtbot.waitUntil(lambda: not opening.busy)
    assert [layer.name for layer in viewer.layers] == ["one"]


def test_a_review_opens_once_its_own_masks_are_there(opened, qtbot, monkeypatch, gates):
    opening, viewer, _, _ = opened
    monkeypatch.setattr(
        module, "read_run_folder", lambda folder: [(np.zeros((3, 4, 5)), {"name": "mask"}, "image")]
    )
    seen = []
    opening.run_opened.connect(lambda: seen.append([layer.name for layer in viewer.layers]))
    opening.open_run(Path("runs/1"))
    opening.open_sample("one")
    qtbot.waitUntil(lambda: bool(seen))
    gates["one"].set()
    qtbot.waitUntil(lambda: not opening.busy)
    assert seen == [["mask"]]
