from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_osuda.benchmark.real.augmentation import Variation
from napari_osuda.benchmark.real.training import RealRecipe, train_real
from napari_osuda.benchmark.training import TrainingSlices

RECIPE = RealRecipe(epochs=4, batch_size=4, features=(4, 8), variation=Variation(flip=0, rotation=5))


def bright_squares(*size):
    rng = np.random.default_rng(0)
    images = rng.normal(0, 0.3, (24, 1, *size)).astype(np.float16)
    classes = np.zeros((24, *size), np.uint8)
    inside = (slice(None, 12), *(slice(n // 4, 3 * n // 4) for n in size))
    classes[inside] = 1
    images[:, 0][inside] += 2
    return TrainingSlices(images, classes)


@pytest.mark.parametrize("size", [(16, 16), (8, 12, 8)])
def test_slices_and_volumes_are_learned(size):
    still = Variation(flip=0, rotation=5, scale=0.05, shift=0.02, bend=0)
    *_, last = train_real(
        bright_squares(*size), 2, replace(RECIPE, epochs=25, learning_rate=4e-2, variation=still)
    )
    network, slices = last.network.eval(), bright_squares(*size)
    with torch.no_grad():
        found = network(torch.from_numpy(slices.images.astype(np.float32))).argmax(1).numpy()
    overlap = 2 * (found & slices.classes).sum() / (found.sum() + slices.classes.sum())
    assert overlap > 0.8


def test_a_training_that_was_broken_off_goes_on_as_if_it_had_not_been():
    slices = bright_squares(16, 16)
    whole = list(train_real(slices, 2, RECIPE))[-1]
    epochs = train_real(slices, 2, RECIPE)
    next(epochs)
    resumed = list(train_real(slices, 2, RECIPE, resume=copy.deepcopy(next(epochs).state)))
    assert [r.epoch for r in resumed] == [3, 4]
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(resumed[-1].network.state_dict()[name], value)


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="do not fill a batch of 64"):
        next(train_real(bright_squares(16, 16), 2, replace(RECIPE, batch_size=64)))
