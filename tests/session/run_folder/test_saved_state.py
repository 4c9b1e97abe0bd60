from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from checkpoint_parts import CONFIG

from napari_osuda.errors import OutputError
from napari_osuda.method import adapt
from napari_osuda.session import adapt_case
from napari_osuda.session.api import make_job
from napari_osuda.session.run_folder.checkpoint import Checkpoint, saved_states


def hostile_states(good: dict) -> dict[str, object]:
    longer = {**good, "t": 10**12}
    shape = {**good, "model": {k: torch.zeros(1) for k in good["model"]}}
    return {
        "nothing": None, "a list": [], "no keys": {}, "huge t": longer, "other shapes": shape,
        "lists for dicts": {**good, "model": [1, 2]}, "reports": {**good, "reports": "none"},
        "a step too few": {**good, "reports": good["reports"][:-1]},
        "optimizer": {**good, "optimizer": {"state": [], "param_groups": {}}},
        "watched": {**good, "watched": {"kept": {}}}, "memory": {**good, "memory": {"a": 1}},
        "identity": {**good, "identity": "[" * 100_000},
        "another run": {**good, "identity": json.dumps({"model": 1})},
        "text t": {**good, "t": "3"},
    }  # fmt: skip


def test_a_state_that_is_none_gets_a_sentence_and_changes_nothing(model, case, interrupted):
    (path,) = saved_states(interrupted)[:1]
    good = torch.load(path, weights_only=True)
    for before in saved_states(interrupted)[1:]:
        before.unlink()
    for name, state in hostile_states(good).items():
        torch.save(state, path)
        held = path.read_bytes()
        with pytest.raises(OutputError, match="cannot be resumed") as caught:
            adapt_case(model, case, CONFIG, out=interrupted, resume=True)
        assert path.read_bytes() == held, name
        assert str(interrupted) in str(caught.value)
    for junk in (b"", b"junk", b"PK\x03\x04" + bytes(100), bytes(1000)):
        path.write_bytes(junk)
        with pytest.raises(OutputError, match="cannot be resumed"):
            adapt_case(model, case, CONFIG, out=interrupted, resume=True)


def test_a_state_goes_back_and_forth_to_the_bit(model, case, tmp_path):
    job = make_job(model, case, CONFIG, out=tmp_path / "run")
    batches = [torch.randn(2, 1, 32, 32) for _ in range(2)]
    first = adapt(model.network, batches, CONFIG)
    reports = [next(first), next(first)]
    Checkpoint(job).save(first, reports, None)
    second = adapt(model.network, batches, CONFIG)
    again, watched = Checkpoint(dataclasses.replace(job, resume=True)).restore(second)
    assert watched is None
    for a, b in zip(reports, again, strict=True):
        assert (a.t, a.loss) == (b.t, b.loss)
        np.testing.assert_array_equal(a.distance, b.distance)
    assert next(first).loss == next(second).loss
