from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.method.report import StepReport


def timing():
    return lambda: 0.5


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize("scalar", [torch.float32, torch.float64, torch.bfloat16])
def test_a_report_is_made_of_what_was_measured(scalar, queued, queue_of_a_gpu):
    reads = queue_of_a_gpu() if queued else []
    values = (("l_hbs", 1.5), ("l_se", 0.25), ("l_other", 2.0))
    scalars = {name: torch.tensor(value, dtype=scalar) for name, value in values}
    arrays = {
        name: torch.rand(4, dtype=torch.float64)
        for name in ("distance", "alpha", "gamma_shift", "beta_shift", "class_fractions")
    }
    dead = torch.tensor([True, False, True, True])
    report = StepReport.of(3, 0.5, 4.0, timing, **scalars, **arrays, dead=dead)
    assert (report.t, report.eta, report.lam) == (3, 0.5, 4.0)
    # What is known beforehand waits for nothing, what is asked for once is there from then on.
    assert not reads
    assert (report.t, report.eta, report.lam, report.loss, report.dead_channels) == (3, 0.5, 4.0, 4.5, 3)
    assert report.dead.dtype == bool
    for name, value in arrays.items():
        assert getattr(report, name).dtype == np.float32
        np.testing.assert_array_equal(getattr(report, name), value.float().numpy())
        assert getattr(report, name).base is None
    assert report.seconds == 0.5
    assert type(report) is StepReport
    assert len(reads) == queued
    with pytest.raises(AttributeError):
        report.unknown  # noqa: B018
