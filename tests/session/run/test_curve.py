from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from napari_osuda.imaging import Knots, SliceStack
from napari_osuda.method import preset, probabilities
from napari_osuda.method.curve import beginning_knots
from napari_osuda.method.curve.search import foreground_confidence
from napari_osuda.session.api import make_job
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.run.curve import searched_curves

CPU = torch.device("cpu")
NEGATED = Knots(*beginning_knots("negated"))
IDENTITY = Knots(*beginning_knots("identity"))


@pytest.fixture
def job(model, case):
    return make_job(model, case, preset("osuda", seed=3))


def confidence(job, knots):
    """How sure the source network is of its foreground on the whole case behind a curve."""
    stack = SliceStack(job.cases[0], dataclasses.replace(slice_spec(job.model.card), intensity_maps=(knots,)))
    x = torch.from_numpy(stack.slices(np.flatnonzero(stack.foreground)))
    with torch.inference_mode():
        return foreground_confidence(probabilities(job.model.network(x), "softmax")[:, 1:])[0]


def test_a_curve_from_which_the_network_is_surer_is_found_beside_the_beginning(job):
    worse = Knots(IDENTITY.x, tuple(0.6 * y for y in IDENTITY.y))
    (found,) = searched_curves(job, job.model.network.eval(), CPU, (worse,))
    np.testing.assert_allclose(found.x, worse.x, atol=1e-5)
    assert confidence(job, found) >= confidence(job, worse)
    assert found.y != worse.y


def test_the_same_seed_gives_the_same_curve_and_leaves_the_network_as_it_was(job):
    network = job.model.network.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    one, other = (searched_curves(job, network, CPU, (NEGATED,)) for _ in range(2))
    assert one == other
    another = dataclasses.replace(job, config=job.config.replace(seed=4))
    assert searched_curves(another, network, CPU, (NEGATED,)) != one
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_curve_is_one_of_the_head_s_scores_whatever_the_scale_of_the_image(job):
    (case,) = job.cases
    scaled = dataclasses.replace(case, data=7 * case.data)
    curves = [
        searched_curves(dataclasses.replace(job, cases=(c,)), job.model.network.eval(), CPU, (NEGATED,))[0]
        for c in (case, scaled)
    ]
    np.testing.assert_allclose(curves[0].y, curves[1].y, atol=1e-3)


def test_a_network_of_volumes_keeps_the_beginnings(job):
    card = job.model.card.model_copy(update={"spatial_dims": 3})
    volumes = dataclasses.replace(job, model=dataclasses.replace(job.model, card=card))
    assert searched_curves(volumes, job.model.network, CPU, (NEGATED,)) == (NEGATED,)
