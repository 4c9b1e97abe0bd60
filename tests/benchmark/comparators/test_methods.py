"""Every method on a toy where it has to win over the source model as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from comparator_parts import discs, overlap

from napari_osuda.benchmark.comparators.loop import Domains, train_comparator
from napari_osuda.benchmark.comparators.methods import make_comparator
from napari_osuda.benchmark.comparators.settings import COMPARATORS
from napari_osuda.benchmark.training import TrainingSlices
from napari_osuda.networks import UNet

# A toy has no time for the papers' rates: those of the translators are ten times as high.
FASTER = 10


def trained(name, source, domains, setting):
    method = make_comparator(name, source, 1, 2, setting)
    for optimizer in (o for key, o in method.optimizers.items() if key == "translators"):
        for group in optimizer.param_groups:
            group["lr"] *= FASTER
    *_, last = train_comparator(method, domains, every=1000)
    assert last.iteration == setting.iterations
    return method.segmenter()


@pytest.mark.parametrize("name", ["cyclegan", "sifa", "dsfn"])
def test_an_inverted_contrast_is_learned(toy, tiny, name):
    source, domains, truth = toy
    assert overlap(source, domains.target, truth) < 0.05
    segmenter = trained(name, source, domains, tiny(iterations=30))
    assert overlap(segmenter, domains.target, truth) > 0.4


def test_another_gray_scale_is_learned_by_a_mean_teacher(toy, tiny):
    source, domains, _ = toy
    target, truth = discs(48, 2, faint=True)
    assert overlap(source, target, truth) < 0.2
    segmenter = trained("seat", source, Domains(domains.source, target), tiny(iterations=20))
    assert overlap(segmenter, target, truth) > 0.7


def test_the_targets_labels_are_an_upper_bound(toy, tiny):
    source, domains, truth = toy
    images, classes = discs(48, 3, inverted=True)
    known = Domains(TrainingSlices(images, classes), images)
    segmenter = trained("upper-bound", source, known, tiny(iterations=60))
    assert overlap(segmenter, domains.target, truth) > 0.7


@pytest.mark.parametrize("name", COMPARATORS)
def test_several_contrasts_and_classes_and_the_source_model_is_left_as_it_is(tiny, name):
    rng = np.random.default_rng(0)
    images = rng.normal(0, 1, (4, 4, 16, 16)).astype(np.float16)
    domains = Domains(TrainingSlices(images, rng.integers(0, 3, (4, 16, 16), np.uint8)), images[:, :, ::-1])
    source = UNet(4, 3, (2, 4)).eval()
    before = {key: value.clone() for key, value in source.state_dict().items()}
    method = make_comparator(name, source, 4, 3, tiny(iterations=1, batch_size=2, half_precision=True))
    list(train_comparator(method, domains))
    assert all(torch.equal(value, before[key]) for key, value in source.state_dict().items())
    assert not source.training
    assert method.segmenter()(torch.zeros(1, 4, 16, 16)).shape == (1, 3, 16, 16)
