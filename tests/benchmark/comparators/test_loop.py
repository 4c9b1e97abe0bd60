from __future__ import annotations

import pytest
import torch

from napari_osuda.benchmark.comparators.loop import decay, train_comparator
from napari_osuda.benchmark.comparators.methods import make_comparator
from napari_osuda.benchmark.comparators.settings import COMPARATORS


@pytest.mark.parametrize("name", COMPARATORS)
def test_a_stop_changes_nothing(toy, tiny, tmp_path, name):
    source, domains, _ = toy
    setting = tiny(iterations=4, pool=3)

    def run(resume=None):
        method = make_comparator(name, source, 1, 2, setting)
        reports = []
        for report in train_comparator(method, domains, resume=resume, every=2):
            if report.iteration == 2 and resume is None:
                torch.save(dict(report.state), tmp_path / "state.pt")
            reports.append(report)
        return method.networks.state_dict(), reports

    whole, reports = run()
    resumed, rest = run(torch.load(tmp_path / "state.pt", weights_only=True))
    assert [r.iteration for r in reports] == [2, 4]
    assert [r.iteration for r in rest] == [4]
    assert rest[0].losses == reports[1].losses
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert rest[0].seconds > reports[0].seconds > 0


def test_rates_fall_linearly_in_the_second_half():
    assert [decay(t, 10) for t in (0, 5, 6, 9, 10)] == pytest.approx([1, 1, 0.8, 0.2, 0])
