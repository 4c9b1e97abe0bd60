from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.method import preset
from napari_osuda.session import After, Before, Progress, predict_case
from napari_osuda.session.api import make_job
from napari_osuda.session.job import CaseResult
from napari_osuda.session.run.clock import Clock
from napari_osuda.session.run.masks import Masks
from napari_osuda.session.run.setup import set_up
from napari_osuda.session.run_folder.folder import RunFolder


@pytest.fixture
def setup(model, case, tmp_path):
    return set_up(make_job(model, case, preset("osuda", iterations=1), out=tmp_path / "run"))[0]


def test_the_source_models_mask_is_told_and_written(setup, model, case, tmp_path):
    masks = Masks(setup, RunFolder(setup.job), Clock())
    *progress, told = list(masks.segment(lambda: False))
    assert all(isinstance(event, Progress) and event.stage == "before" for event in progress)
    assert isinstance(told, Before)
    np.testing.assert_array_equal(told.labels, predict_case(model, case))
    assert (tmp_path / "run" / "before" / "patient.nii.gz").is_file()
    assert [known.after for known in masks.cases] == [None]


def test_a_stop_ends_it_at_the_next_part(setup):
    masks = Masks(setup, None, Clock())
    assert len(list(masks.segment(lambda: True))) == 1
    assert not masks.before


def test_an_adapted_mask_takes_the_place_of_what_was_known(setup, case):
    before = np.zeros(case.grid.shape, np.uint8)
    masks = Masks(setup, None, Clock(), [CaseResult(case, before, None)])
    found = CaseResult(case, before, before + 3)
    (told,) = masks.take(found)
    assert isinstance(told, After)
    assert told.index == 0
    assert masks.cases == [found]
