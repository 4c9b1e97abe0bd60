from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid, case_from_arrays
from napari_osuda.imaging.world import layer_arguments
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import load_model
from napari_osuda.session import Job
from napari_osuda.widgets.adapt.jobs import job_of_layers, job_of_unfinished, rerun_job

SHAPE = (5, 4, 3)
GRID = Grid(SHAPE, np.diag([2.0, 2.0, 3.0, 1.0]))
CONFIG = AdaptationConfig(iterations=2)


def layer(kind, values, name, grid=GRID):
    """As our reader would open it."""
    return kind(values.T.copy(), name=name, **layer_arguments(grid))


def model(labels):
    return SimpleNamespace(card=SimpleNamespace(labels=labels, channels=("t1",)))


@pytest.fixture
def image():
    return layer(Image, np.arange(60, dtype=np.float32).reshape(SHAPE), "head_t1")


def test_layers_become_a_case_with_the_settings_that_were_chosen(image):
    source = model({0: "background", 1: "lesion"})
    job = job_of_layers(source, {"t1": image}, None, CONFIG, "tent", "cpu", Path("out"))
    assert (job.model, job.config, job.method, job.device, job.out) == (
        source,
        CONFIG,
        "tent",
        "cpu",
        Path("out"),
    )
    assert job.references == (None,)
    assert job.cases[0].name == "head_t1"
    np.testing.assert_array_equal(job.cases[0].grid.shape, SHAPE)


def test_a_reference_keeps_its_labels_where_the_model_knows_several(image):
    values = np.zeros(SHAPE, np.uint8)
    values[0], values[1] = 2, 4
    drawn = layer(Labels, values, "drawn")
    source = model({0: "background", 2: "edema", 4: "core"})
    job = job_of_layers(source, {"t1": image}, drawn, CONFIG, "osuda", "cpu", Path("out"))
    np.testing.assert_array_equal(job.references[0], values)


def test_whatever_was_drawn_is_the_only_label_of_a_model(image):
    values = np.zeros(SHAPE, np.uint8)
    values[0], values[1] = 1, 7
    drawn = layer(Labels, values, "drawn")
    job = job_of_layers(
        model({0: "background", 3: "lesion"}), {"t1": image}, drawn, CONFIG, "osuda", "cpu", Path("out")
    )
    np.testing.assert_array_equal(job.references[0], 3 * (values != 0))


def test_a_reference_elsewhere_is_refused_by_name(image):
    away = Grid(
        SHAPE, np.diag([2.0, 2.0, 3.0, 1.0]) + np.array([[0, 0, 0, 500.0], [0] * 4, [0] * 4, [0] * 4])
    )
    drawn = layer(Labels, np.ones(SHAPE, np.uint8), "another patient", away)
    with pytest.raises(CaseError, match="another patient"):
        job_of_layers(
            model({0: "background", 1: "lesion"}), {"t1": image}, drawn, CONFIG, "osuda", "cpu", Path("out")
        )


def result(source, folder):
    case = case_from_arrays("case", {"t1": np.zeros(SHAPE, np.float32)}, GRID)
    return SimpleNamespace(job=Job(source, (case,), references=(None,)), folder=folder)


def test_a_run_again_is_on_the_same_cases_from_the_source_model(tmp_path):
    source = model({})
    earlier = result(source, tmp_path)
    job = rerun_job(earlier, CONFIG, "tent", "cpu", Path("out"), on_result=False)
    assert job.model is source
    assert job.cases is earlier.job.cases
    assert (job.config, job.method, job.out) == (CONFIG, "tent", Path("out"))


def test_a_run_on_the_result_takes_the_model_of_the_run_folder(model_folder, tmp_path):
    (tmp_path / "model").symlink_to(model_folder, target_is_directory=True)
    job = rerun_job(
        result(load_model(model_folder), tmp_path), CONFIG, "osuda", "cpu", Path("out"), on_result=True
    )
    assert job.model.card.name == load_model(model_folder).card.name
    assert Path(job.model.path) == tmp_path / "model"


@dataclass(frozen=True)
class Unfinished:
    """An interrupted run, as far as it is asked for its job."""

    made: Job

    def job(self, trust):
        return self.made


def test_a_resumed_run_takes_a_reference_of_its_own_case_only(image):
    case = case_from_arrays("case", {"t1": np.zeros(SHAPE, np.float32)}, GRID)
    unfinished = Unfinished(Job(model({0: "background", 1: "lesion"}), (case,)))
    assert job_of_unfinished(unfinished, None).references == ()
    drawn = layer(Labels, np.ones(SHAPE, np.uint8), "drawn")
    np.testing.assert_array_equal(job_of_unfinished(unfinished, drawn).references[0], np.ones(SHAPE))
    away = Grid(SHAPE, np.eye(4) * [5, 5, 5, 1])
    other = layer(Labels, np.ones(SHAPE, np.uint8), "another patient", away)
    assert job_of_unfinished(unfinished, other).references == ()
