from __future__ import annotations

import pytest
import torch

from napari_osuda.method import preset
from napari_osuda.session.api import make_job
from napari_osuda.session.guard.evidence import result_of
from napari_osuda.session.guard.statistics import SOURCE_SHARES, with_statistics
from napari_osuda.session.run.target import target_of


@pytest.fixture
def batches(model, case):
    return target_of(make_job(model, [case], preset("osuda", contrast="off")), None)


def means(network):
    return torch.cat([value for name, value in network.state_dict().items() if name.endswith("running_mean")])


@pytest.mark.parametrize("share", [1.0, *SOURCE_SHARES])
def test_layers_store_a_mix_of_both_sides_and_the_network_itself_stays(model, batches, share):
    source = model.network.eval()
    config = preset("osuda", source_count=3)
    before = means(source).clone()
    mixed = result_of(with_statistics(source, batches, config, model.card, share))
    target = result_of(with_statistics(source, batches, config, model.card, 0.0))
    assert torch.equal(means(source), before)
    first = slice(0, 4)
    expected = share * before[first] + (1 - share) * means(target)[first]
    torch.testing.assert_close(means(mixed)[first], expected)


def test_without_a_share_the_settings_decide(model, batches):
    source = model.network.eval()
    config = preset("osuda", inference_statistics="mixed", source_prior=0.5)
    found = result_of(with_statistics(source, batches, config, model.card))
    same = result_of(with_statistics(source, batches, preset("osuda"), model.card, 0.5))
    assert torch.equal(means(found), means(same))


@pytest.mark.parametrize("share", SOURCE_SHARES)
def test_the_settings_of_a_share_give_its_bits(model, batches, share):
    source = model.network.eval()
    how = "mixed" if share else "target"
    config = preset("osuda", inference_statistics=how, source_prior=share)
    found, same = (result_of(with_statistics(source, batches, config, model.card, s)) for s in (None, share))
    for one, other in zip(found.state_dict().values(), same.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_stop_ends_it_after_a_part(model, batches):
    work = with_statistics(model.network.eval(), batches, preset("osuda"), model.card, 0.5, lambda: True)
    assert result_of(work) is None
