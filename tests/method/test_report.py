from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.method import report as reports
from napari_osuda.method.report import StepReport


def timing():
    return lambda: 0.5


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize("scalar", [torch.float32, torch.float64, torch.bfloat16])
def test_a_report_is_made_of_what_was_measured(scalar, queued, queue_of_a_gpu):
    reads = queue_of_a_gpu() if queued else []
    values = (("l_hbs", 1.5), ("l_se", 1 / 3), ("l_other", 2.0))
    scalars = {name: torch.tensor(value, dtype=scalar) for name, value in values}
    arrays = {
        name: torch.rand(4, dtype=torch.float64)
        for name in ("distance", "alpha", "gamma_shift", "beta_shift", "class_fractions")
    }
    dead = torch.tensor([True, False, True, True])
    report = StepReport.of(3, 0.5, 4.0, timing, **scalars, **arrays, dead=dead)
    assert (report.t, report.eta, report.lam) == (3, 0.5, 4.0)
    # What is known beforehand waits for nothing, what is asked for once is there from then on.
    with pytest.raises(AttributeError):
        report._unknown  # noqa: B018
    assert not reads
    entropy = scalars["l_se"].item()
    assert (report.t, report.eta, report.lam, report.dead_channels) == (3, 0.5, 4.0, 3)
    assert (report.l_hbs, report.l_se, report.loss) == (1.5, entropy, 3.5 + 4.0 * entropy)
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


@pytest.mark.parametrize("queued", [False, True])
def test_what_a_report_has_not_is_an_attribute_error_before_it_is_read_as_well(queued, queue_of_a_gpu):
    if queued:
        queue_of_a_gpu()
    scalars = {name: torch.zeros(()) for name in ("l_hbs", "l_se", "l_other")}
    names = ("distance", "alpha", "gamma_shift", "beta_shift", "class_fractions", "dead")
    report = StepReport.of(0, 1.0, 1.0, timing, **scalars, **{name: torch.zeros(2) for name in names})
    assert not hasattr(report, "unknown")
    assert report.dead_channels == 0


def test_a_report_that_names_no_dead_channel_has_none():
    arrays = [np.zeros(2, np.float32)] * 5
    report = StepReport(0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, *arrays, dead_channels=0, seconds=0.0)
    assert report.dead.size == 0


@pytest.mark.parametrize(("dtypes", "wide"), [
    ((torch.float32, torch.bfloat16, torch.bool), np.float32),
    ((torch.float32, torch.float64), np.float64),
])  # fmt: skip
def test_figures_are_copied_in_the_widest_precision_of_them(dtypes, wide):
    arrays = reports._copied([torch.ones(2).to(dtype) for dtype in dtypes])()
    assert [(array.dtype, array.tolist()) for array in arrays] == [(wide, [1.0, 1.0])] * len(dtypes)
