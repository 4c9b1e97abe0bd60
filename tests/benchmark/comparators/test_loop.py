from __future__ import annotations

import pytest
import torch

from napari_osuda.benchmark.comparators.loop import decay, train_comparator
from napari_osuda.benchmark.comparators.memory import PeakMemory
from napari_osuda.benchmark.comparators.methods import make_comparator
from napari_osuda.benchmark.comparators.networks import decode, encode
from napari_osuda.benchmark.comparators.pool import ImagePool
from napari_osuda.benchmark.comparators.settings import COMPARATORS
from napari_osuda.errors import ConfigError


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


def test_the_pool_hands_on_what_comes_until_it_is_full_and_mixes_then():
    noise = torch.Generator().manual_seed(0)
    pool, first = ImagePool(4), torch.arange(4.0).view(4, 1, 1, 1)
    assert torch.equal(pool.exchange(first, noise), first)
    given = pool.exchange(torch.arange(4.0, 24.0).view(20, 1, 1, 1), noise).flatten().tolist()
    exchanged = [value for value, came in zip(given, range(4, 24), strict=True) if value != came]
    assert 3 < len(exchanged) < 17
    assert set(exchanged) <= set(range(24))
    other = ImagePool(4)
    other.load_state_dict(pool.state_dict())
    again = [p.exchange(first, torch.Generator().manual_seed(1)) for p in (pool, other)]
    assert torch.equal(*again)
    empty = ImagePool(0)
    assert torch.equal(empty.exchange(first, noise), first)
    empty.load_state_dict(empty.state_dict())


def test_the_two_halves_of_a_unet_are_the_network(toy):
    source, _, _ = toy
    images = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        assert torch.equal(decode(source, encode(source, images)), source(images))


def test_the_largest_memory_is_that_of_what_is_watched():
    peak = PeakMemory(torch.device("cpu"))
    before = peak.now()
    held = torch.ones(30_000_000)
    assert peak.now() > before + 50 or peak.now() != peak.now()
    del held
    peak.least = 1e9
    assert peak.now() == 1e9


@pytest.mark.parametrize("changed", [{"iterations": 0}, {"folds": 1}, {"width": 0}, {"seed": -1}])
def test_a_setting_that_cannot_be_trained_with_is_refused(tiny, changed):
    (name,) = changed
    with pytest.raises(ConfigError, match=f"{name} is"):
        tiny(**changed)
