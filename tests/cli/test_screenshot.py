from __future__ import annotations

import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from napari_osuda.cli.screenshot import most_marked, take_picture
from napari_osuda.napari_layers.masks import RESULT_KEY


def layer(role, marked=None):
    data = np.zeros((4, 3, 3), np.uint8)
    if marked is not None:
        data[marked] = 1
    return SimpleNamespace(metadata={} if role is None else {RESULT_KEY: role}, data=data)


def test_the_slice_with_most_of_the_adapted_mask_is_pictured():
    assert most_marked([layer(None, 0), layer("before", 1), layer("after", 2)]) == 2


def test_an_empty_adapted_mask_gives_way_to_the_original():
    assert most_marked([layer("before", 1), layer("after")]) == 1
    assert most_marked([layer("before"), layer(None, 3)]) is None


@pytest.fixture
def viewer(monkeypatch):
    viewer = MagicMock(layers=[layer("after", 2)])
    monkeypatch.setitem(sys.modules, "napari", SimpleNamespace(Viewer=lambda show: viewer))
    return viewer


def test_a_finished_run_is_pictured_at_its_fullest_slice(viewer, tmp_path):
    take_picture(tmp_path / "run", tmp_path / "viewer.png")
    viewer.open.assert_called_once_with(str(tmp_path / "run"), plugin="napari-osuda")
    viewer.dims.set_current_step.assert_called_once_with(0, 2)
    assert viewer.screenshot.call_args.args == (str(tmp_path / "viewer.png"),)
    viewer.close.assert_called_once_with()


def test_the_viewer_is_closed_where_no_picture_comes_of_it(viewer, tmp_path):
    viewer.layers.clear()
    viewer.screenshot.side_effect = OSError("no space left")
    with pytest.raises(OSError, match="no space left"):
        take_picture(tmp_path / "run", tmp_path / "viewer.png")
    viewer.dims.set_current_step.assert_not_called()
    viewer.close.assert_called_once_with()
