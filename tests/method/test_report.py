from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from napari_osuda.method.report import StepReport, read_at_once


@pytest.mark.parametrize("scalar", [torch.float32, torch.float64, torch.bfloat16])
def test_what_is_read_in_one_copy_is_what_each_was(scalar):
    values = [torch.tensor(0.1, dtype=scalar), torch.rand(2, 3), torch.tensor([True, False]), torch.zeros(0)]
    read = read_at_once(values)
    for array, value in zip(read, values, strict=True):
        np.testing.assert_array_equal(array, value.flatten().double().numpy())
        assert array.base is None
    assert read[0].dtype == (np.float64 if scalar == torch.float64 else np.float32)


def test_a_report_is_made_of_what_was_measured():
    scalars = {
        name: torch.tensor(value) for name, value in (("l_hbs", 1.5), ("l_se", 0.25), ("l_other", 2.0))
    }
    arrays = {
        name: torch.rand(4, dtype=torch.float64)
        for name in ("distance", "alpha", "gamma_shift", "beta_shift", "class_fractions")
    }
    dead = torch.tensor([True, False, True, True])
    report = StepReport.of(3, 0.5, 4.0, time.perf_counter(), **scalars, **arrays, dead=dead)
    assert (report.t, report.eta, report.lam, report.loss, report.dead_channels) == (3, 0.5, 4.0, 4.5, 3)
    assert report.dead.dtype == bool
    for name, value in arrays.items():
        assert getattr(report, name).dtype == np.float32
        np.testing.assert_array_equal(getattr(report, name), value.float().numpy())
