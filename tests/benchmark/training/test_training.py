from __future__ import annotations

import numpy as np
import pytest
import torch
from training_parts import cohort

from napari_osuda.benchmark.training import train_source
from napari_osuda.benchmark.training.recipe import Recipe


def test_too_few_slices_and_classes_beyond_the_network_are_refused() -> None:
    slices = cohort(1)
    with pytest.raises(ValueError, match="5 slices do not fill a batch of 8"):
        next(train_source(slices, 3))
    with pytest.raises(ValueError, match="class 2, beyond the 2"):
        next(train_source(slices, 2, Recipe(batch_size=4)))


@pytest.mark.slow
def test_training_learns_and_the_seed_fixes_the_weights() -> None:
    recipe = Recipe(epochs=12, batch_size=4, features=(8, 8), learning_rate=1e-2, seed=3)
    slices = cohort(4)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        first, again = (list(train_source(slices, 3, recipe)) for _ in range(2))
    finally:
        torch.set_num_threads(threads)
    assert [report.loss for report in first] == [report.loss for report in again]
    for one, two in zip(
        first[-1].network.state_dict().values(), again[-1].network.state_dict().values(), strict=True
    ):
        assert torch.equal(one, two)
    assert first[-1].loss < 0.4 * first[0].loss
    network = first[-1].network.eval()
    with torch.inference_mode():
        found = network(torch.from_numpy(slices.images.astype(np.float32))).argmax(1).numpy()
    tumor, truth = found > 0, slices.classes > 0
    assert 2 * (tumor & truth).sum() / (tumor.sum() + truth.sum()) > 0.8


@pytest.mark.slow
def test_training_leaves_the_callers_chance_alone() -> None:
    state = torch.get_rng_state()
    next(train_source(cohort(2), 3, Recipe(epochs=1, batch_size=4, features=(4, 4))))
    assert torch.equal(torch.get_rng_state(), state)
