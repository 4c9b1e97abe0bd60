from __future__ import annotations

import pytest
import torch

from napari_osuda.errors import ModelError
from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.method.computing.finite import FiniteSteps

SETTINGS = (
    {},
    {"hbs": "proximal"},
    {"statistics": "momentum", "inference_statistics": "running"},
    {"optimizer": "sgd"},
    {"optimizer": "sgd", "parameters": "affine", "hbs": "proximal"},
    {"consistency": 0.1},
)


def everything(state):
    """All tensors of a saved state, by where they are in it."""
    found = {}

    def look(at, value):
        if isinstance(value, torch.Tensor):
            found[at] = value.clone()
        elif isinstance(value, dict):
            for key, part in value.items():
                look((*at, key), part)
        elif isinstance(value, list | tuple):
            for key, part in enumerate(value):
                look((*at, key), part)

    look((), state)
    return found


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: " ".join(map(str, s)) or "default")
def test_a_step_that_is_not_finite_changes_nothing(unet, batches, settings, queued, queue_of_a_gpu):
    if queued:
        queue_of_a_gpu()
    target = [batches[0], batches[1], batches[2].clone()]
    target[2][0, 0, 3, 3] = float("nan")
    adaptation = adapt(unet, target, AdaptationConfig(iterations=9, **settings))
    next(adaptation)
    next(adaptation)
    before = everything(adaptation.state_dict())
    with pytest.raises(ModelError, match="not finite at iteration 2"):
        # A GPU tells of it a step later, and has changed nothing in that one either.
        for _ in adaptation:
            pass
    assert adaptation.t == 2
    after = everything(adaptation.state_dict())
    if queued:
        # A prediction that was remembered on the GPU is of no use, and of no harm either.
        before, after = ({k: v for k, v in s.items() if k[0] != "memory"} for s in (before, after))
    assert before.keys() == after.keys()
    for at, value in before.items():
        assert torch.equal(value, after[at]), at


@pytest.mark.parametrize(
    "ask",
    [
        lambda adaptation: adaptation.finish(),
        lambda adaptation: adaptation.state_dict(),
        lambda adaptation: adaptation.rebatch(adaptation.batches, 4),
    ],
    ids=["finish", "state", "other batches"],
)
def test_the_last_step_is_asked_for_as_well(unet, batches, queue_of_a_gpu, ask):
    queue_of_a_gpu()
    target = [batches[0], torch.full_like(batches[0], float("inf"))]
    adaptation = adapt(unet, target, AdaptationConfig(iterations=2))
    next(adaptation)
    next(adaptation)
    with pytest.raises(ModelError, match="iteration 1"):
        ask(adaptation)
    assert not adaptation.finished
    assert adaptation.t == 1


def test_whatever_ends_a_step_leaves_what_it_guards():
    x = torch.zeros(2)
    finite = FiniteSteps(torch.optim.SGD([x], lr=1.0), x.device, 1.0)

    def fail():
        with finite.guarding([x]):
            x.add_(1.0)
            raise MemoryError

    with pytest.raises(MemoryError):
        fail()
    assert x.tolist() == [0.0, 0.0]
    with finite.guarding([x]):
        x.add_(1.0)
    assert x.tolist() == [1.0, 1.0]


def test_once_it_is_told_of_a_gpu_goes_on(queue_of_a_gpu):
    queue_of_a_gpu()
    x = torch.zeros(2)
    finite = FiniteSteps(torch.optim.SGD([x], lr=1.0), x.device, 1.0)
    kept = []
    for loss in (1.0, float("nan"), 1.0):
        finite.look(torch.tensor(loss), 0)
        with finite.guarding([x]):
            x.add_(1.0)
        kept.append(x[0].item())
    with pytest.raises(ModelError):
        finite.require(float("nan"), 1)
    with finite.guarding([x]):
        x.add_(1.0)
    assert [*kept, x[0].item()] == [1.0, 1.0, 1.0, 2.0]
