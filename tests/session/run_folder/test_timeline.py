from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from timeline_parts import CONFIG, finished, same

from napari_osuda.errors import OutputError
from napari_osuda.method import adapt, preset
from napari_osuda.networks import UNet
from napari_osuda.session import RunFromIteration, Step
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run
from napari_osuda.session.run_folder.timeline import NetworkState, Timeline, network_at


def adaptation(**changes):
    torch.manual_seed(0)
    network = UNet(1, 2, (4, 8)).eval()
    batches = [torch.randn(2, 1, 16, 16) * 2 + 1 for _ in range(2)]
    settings = {"iterations": 9, "learning_rate": 1e-2, **changes}
    return network, adapt(network, batches, preset("osuda", **settings))


@pytest.mark.parametrize(
    "changes",
    [{"parameters": "affine"}, {"parameters": "all"}, {"statistics": "momentum", "parameters": "affine"}],
)
def test_every_kept_state_is_restored_to_the_bit(changes, tmp_path):
    network, run = adaptation(**changes)
    timeline, then = Timeline(network, tmp_path / "states"), {}
    for step in run:
        timeline.keep(run, step.eta)
        then[run.t] = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    assert timeline.kept == tuple(range(1, 10))
    for n, expected in then.items():
        assert same(network_at(timeline.state(n), network).state_dict(), expected)


def test_the_statistics_of_a_step_are_restored_as_eq_3_has_them(tmp_path):
    network, run = adaptation(parameters="affine", eta0=0.7)
    timeline = Timeline(network, None)
    steps = []
    for step in run:
        steps.append(step)
        timeline.keep(run, step.eta)
    state = timeline.state(3)
    restored = network_at(state, network, share=state.eta).state_dict()
    source, found = network.state_dict(), []
    for layer in run.layers:
        (k_mean, k_var), (mean, var) = (
            [tensors[f"{layer.name}.running_{which}"] for which in ("mean", "var")]
            for tensors in (source, restored)
        )
        found.append((k_mean / (k_var + layer.eps).sqrt() - mean / (var + layer.eps).sqrt()).abs())
    np.testing.assert_allclose(torch.cat(found).numpy(), steps[2].distance, rtol=1e-5, atol=1e-6)


def test_affine_states_are_kilobytes():
    network, run = adaptation(parameters="affine")
    next(run)
    state = NetworkState.of(run, network.state_dict(), 1.0)
    channels = sum(layer.channels for layer in run.layers)
    assert state.bytes <= 16 * channels


@pytest.mark.parametrize("on_disk", [True, False])
def test_the_number_of_states_is_bounded_and_the_newest_is_there(on_disk, tmp_path):
    network, run = adaptation(iterations=23)
    folder = tmp_path / "states" if on_disk else None
    timeline = Timeline(network, folder, most=5)
    for step in run:
        timeline.keep(run, step.eta)
        assert len(timeline.kept) <= 5
        assert timeline.kept[-1] == run.t
    assert timeline.kept == (8, 16, 23)
    assert timeline.state(16).iteration == 16
    if folder is not None:
        assert sorted(path.name for path in folder.iterdir()) == ["000008.pt", "000016.pt", "000023.pt"]
        assert Timeline(network, folder).kept == timeline.kept
    with pytest.raises(OutputError, match="8, 16, 23"):
        timeline.state(9)
    timeline.remove()
    assert timeline.kept == ()
    assert folder is None or not folder.exists()


@pytest.mark.posix
def test_a_pipe_in_the_place_of_a_state_is_told_and_not_waited_for(tmp_path):
    network, run = adaptation()
    timeline = Timeline(network, tmp_path)
    for step in run:
        timeline.keep(run, step.eta)
    (tmp_path / "000003.pt").unlink()
    os.mkfifo(tmp_path / "000003.pt")
    with pytest.raises(OutputError, match=r"state of iteration 3 .* cannot be read"):
        Timeline(network, tmp_path).state(3)


def test_a_resumed_run_has_the_states_from_before_it_was_cut_off(model, case, tmp_path):
    out = tmp_path / "run"
    events = iter(Run(make_job(model, case, CONFIG, out=out), keep_states=True))
    for event in events:
        if isinstance(event, Step) and event.report.t == 2:
            break
    events.close()
    run = Run(make_job(model, case, CONFIG, out=out, resume=True), keep_states=True)
    resumed = finished(run)
    assert run.timeline.kept == (1, 2, 3, 4, 5, 6)
    assert finished(RunFromIteration(resumed, run.timeline, 2)).iteration == 2
