from __future__ import annotations

import pytest
import torch

from napari_osuda.errors import ConfigError
from napari_osuda.method import preset
from napari_osuda.session.api import make_job
from napari_osuda.session.run.setup import set_up, set_up_again


def test_the_source_is_a_copy_and_the_target_is_in_batches(model, case):
    setup, told = set_up(make_job(model, case, preset("osuda", batch_size=3, contrast="off")))
    assert told is None
    assert setup.source is not model.network
    assert not setup.source.training
    assert setup.maps is None
    assert setup.plain is setup.target.stacks
    assert max(len(batch) for batch in setup.target) == 3
    assert max(len(batch) for batch in setup.smaller(2)) == 2


def test_behind_a_map_the_source_model_still_sees_the_case_as_it_is(model, case):
    setup, told = set_up(make_job(model, case, preset("osuda", contrast="inverted")))
    assert told is not None
    assert setup.maps == ("inverted",)
    assert setup.plain is not setup.target.stacks
    again = set_up_again(setup.job, setup.maps)
    for one, other in zip(setup.target, again.target, strict=True):
        assert torch.equal(one, other)


def test_a_device_that_is_not_there_is_a_sentence(model, case):
    with pytest.raises(ConfigError):
        set_up(make_job(model, case, device="cuda:99"))
