from __future__ import annotations

import dataclasses
import json

import pytest
from checkpoint_parts import CONFIG, newest

from napari_osuda.errors import OutputError
from napari_osuda.method import preset
from napari_osuda.session import (
    Step,
    adapt_case,
    find_unfinished,
)
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run


def test_a_run_of_other_settings_is_not_resumed(model, case, tmp_path):
    run = Run(make_job(model, case, preset("osuda", iterations=6), out=tmp_path / "run"))
    for event in run:
        if isinstance(event, Step):
            run.stop()
    with pytest.raises(OutputError, match="iterations of the settings was 6, now it is 7"):
        adapt_case(model, case, preset("osuda", iterations=7), out=tmp_path / "run", resume=True)


def test_a_run_that_was_left_by_an_earlier_version_resumes(model, case, tmp_path):
    config = preset("osuda", iterations=4, batch_size=4)
    run = Run(make_job(model, case, config, out=tmp_path / "runs" / "run"))
    for event in run:
        if isinstance(event, Step):
            run.stop()
    path = tmp_path / "runs" / "run" / "checkpoint" / "job.json"
    record = json.loads(path.read_text())
    del record["contrasts"], record["files"][0]["titles"]
    # What has become free to differ since stood among the settings, with another default.
    del record["free"]["fallback"]
    record["settings"]["fallback"] = False
    path.write_text(json.dumps(record))
    (left,) = find_unfinished(tmp_path / "runs")
    assert list(Run(left.job()))[-1].result.outcome == "done"


def test_settings_that_change_no_iteration_may_differ_in_a_resumption(model, case, tmp_path):
    config = preset("osuda", iterations=4, batch_size=4, fallback=False)
    run = Run(make_job(model, case, config, out=tmp_path / "run"))
    for event in run:
        if isinstance(event, Step):
            run.stop()
    again = config.replace(fallback=True, guard=False)
    assert adapt_case(model, case, again, out=tmp_path / "run", resume=True).outcome == "done"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"normalisation": "zscore"}, "normalisation of the model card was zscore_nonzero, now it is zscore"),
        ({"orientation": "LPS"}, "orientation of the model card"),
        ({"interpolation": "cubic"}, "interpolation of the model card"),
    ],
)
def test_a_changed_card_is_named_and_refused(model, case, interrupted, change, named):
    other = dataclasses.replace(model, card=model.card.model_copy(update=change))
    for name in ("job.json", None):
        if name is None:
            # As if somebody had changed the record to fit: the state itself knows what it is of.
            path = interrupted / "checkpoint" / "job.json"
            record = json.loads(path.read_text())
            record["card"] |= change
            path.write_text(json.dumps(record))
        with pytest.raises(OutputError, match=named):
            adapt_case(other, case, CONFIG, out=interrupted, resume=True)
    assert newest(interrupted) == 3


def test_what_people_read_in_a_card_may_change(model, case, interrupted):
    told = {"name": "Another name", "license": "MIT"}
    other = dataclasses.replace(model, card=model.card.model_copy(update=told))
    assert adapt_case(other, case, CONFIG, out=interrupted, resume=True).outcome == "done"
