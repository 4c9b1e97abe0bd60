from __future__ import annotations

import pytest
import torch

from napari_osuda.errors import ConfigError
from napari_osuda.method import preset
from napari_osuda.session.api import make_job
from napari_osuda.session.guard.evidence import result_of
from napari_osuda.session.guard.statistics import with_statistics
from napari_osuda.session.inference.outputs import Outputs
from napari_osuda.session.inference.parts import through
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


@pytest.mark.parametrize("slices", [4, 72])
def test_what_the_pass_for_the_statistics_puts_out_is_kept_for_its_slices(model, case, slices):
    config = preset("osuda", batch_size=3, contrast="off", precision="float32", pooled_slices=slices)
    setup, _ = set_up(make_job(model, case, config))
    outputs, (stack,) = Outputs(), setup.target.stacks
    work = with_statistics(
        setup.source, setup.target, config, model.card, 0.5,
        pooled=setup.pooled, keep=setup.keeping(outputs),
    )  # fmt: skip
    made = result_of(work)
    known = outputs.known(made, stack, "straight")
    assert sorted(known) == sorted(index for _, index in setup.pooled.slices)
    assert (slices == 72) or len(known) <= slices
    for index, output in known.items():
        with torch.inference_mode():
            again = through(made, torch.from_numpy(stack.slices([index])))[0]
        torch.testing.assert_close(output, again, rtol=1e-4, atol=1e-4)
