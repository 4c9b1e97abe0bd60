from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from napari_osuda.errors import ModelError
from napari_osuda.imaging import SliceStack
from napari_osuda.method import NormLayer, preset
from napari_osuda.session import Previewer, RunFromIteration, predict_case, slice_spec
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run


@pytest.fixture
def stack(model, case):
    return SliceStack(case, slice_spec(model.card))


def plane(volume: np.ndarray, stack: SliceStack, index: int) -> np.ndarray:
    return stack.stacked(volume)[index]


def test_without_a_state_it_is_the_source_models_mask(model, case, stack):
    previewer = Previewer(model, (stack,))
    mask = predict_case(model, case)
    for index in (3, 4, 5):
        np.testing.assert_array_equal(previewer.labels(None, 0, index), plane(mask, stack, index))
    assert mask.any()


def test_a_past_state_looks_as_its_result_does(model, case, stack):
    """Where the statistics are the source's nothing is approximated; where pooled, next to nothing is."""
    for statistics, least in (("source", 1.0), ("target", 0.97)):
        config = preset(
            "osuda", iterations=4, batch_size=4, tau=1.0, learning_rate=1e-3, inference_statistics=statistics
        )
        run = Run(make_job(model, case, config), keep_states=True)
        *_, last = run
        chosen = list(RunFromIteration(last.result, run.timeline, 4))[-1].result
        previewer = Previewer(model, run.stacks)
        shown = previewer.labels(run.timeline.state(4), 0, 4)
        assert (shown == plane(chosen.cases[0].after, stack, 4)).mean() >= least


def test_where_the_result_is_averaged_with_its_mirror_image_so_is_the_preview(model, case, stack):
    """And the source model's mask is as its own card has it."""
    card = model.card.model_copy(update={"mirror_averaging": True})
    config = preset("osuda", iterations=2, learning_rate=1e-3, inference_statistics="source")
    run = Run(make_job(model, case, config), keep_states=True)
    *_, last = run
    averaged = dataclasses.replace(last.result.adapted_model, card=card)
    # A slice alone is rounded otherwise than among others; in bfloat16 a voxel or two may show it.
    exact = partial(predict_case, case=case, precision="float32")
    mask = exact(averaged)
    previewer = Previewer(model, run.stacks, card=card, precision="float32")
    np.testing.assert_array_equal(previewer.labels(run.timeline.state(2), 0, 4), plane(mask, stack, 4))
    np.testing.assert_array_equal(previewer.labels(None, 0, 4), plane(exact(model), stack, 4))


def test_the_source_model_is_left_alone(model, case, stack):
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    run = Run(make_job(model, case, preset("osuda", iterations=2, learning_rate=1e-2)), keep_states=True)
    list(run)
    previewer = Previewer(model, (stack,))
    previewer.labels(run.timeline.state(2), 0, 4)
    assert all(torch.equal(before[name], t) for name, t in model.network.state_dict().items())
    np.testing.assert_array_equal(previewer.labels(None, 0, 4), plane(predict_case(model, case), stack, 4))


def test_an_activation_is_what_the_layer_gives_out(model, case, stack):
    name = "encoders.0.1"
    module_ = model.network.get_submodule(name)
    assert isinstance(module_, torch.nn.BatchNorm2d)
    layer = NormLayer(name, "BatchNorm2d", module_.num_features, 0, True, module_.eps)
    caught = []
    hook = module_.register_forward_hook(lambda m, i, output: caught.append(output.clone()))
    with torch.no_grad():
        model.network(torch.from_numpy(stack.slices([4])))
    hook.remove()
    activation = Previewer(model, (stack,)).activation(None, 0, 4, layer, 2)
    rows, columns = activation.shape
    # The network's image is the slice, padded to its step; the first layer is at its resolution.
    top, left = ((np.array(stack.shape) - activation.shape) // 2).tolist()
    expected = caught[0][0, 2, top : top + rows, left : left + columns].numpy()
    np.testing.assert_allclose(activation, expected, rtol=1e-4, atol=1e-5)
    nowhere = NormLayer("elsewhere", "batch_norm", 4, 0, True, 1e-5)
    with pytest.raises(ModelError, match="elsewhere"):
        Previewer(model, (stack,)).activation(None, 0, 4, nowhere, 0)
