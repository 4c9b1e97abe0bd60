"""A run that was left."""

from __future__ import annotations

import json

import pytest
from checkpoint_parts import CONFIG, cut_off
from review_parts import write_run

from napari_osuda.session import Step
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run
from napari_osuda.session.run_folder.checkpoint import saved_states
from napari_osuda.session.run_folder.saved_state import read_state


@pytest.fixture
def interrupted(model, case, tmp_path):
    """A run that was left after its third iteration."""
    out = tmp_path / "run"
    cut_off(Run(make_job(model, case, CONFIG, out=out)), lambda e: isinstance(e, Step) and e.report.t == 2)
    assert read_state(saved_states(out)[0]).t == 3
    return out


@pytest.fixture
def document(tmp_path):
    folder = write_run(tmp_path / "run")
    return folder, json.loads((folder / "run.json").read_text())
