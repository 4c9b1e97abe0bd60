from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from training_parts import cohort

from napari_osuda.benchmark.training import segmentation_loss, train_source
from napari_osuda.benchmark.training.checkpoint import TrainingCheckpoint
from napari_osuda.benchmark.training.recipe import Recipe


def test_loss_is_0_for_a_sure_and_right_answer_and_counts_empty_batches() -> None:
    target = torch.zeros(2, 8, 8, dtype=torch.int64)
    target[:, 2:5, 2:5] = 1
    sure = torch.nn.functional.one_hot(target, 2).movedim(-1, 1) * 40.0
    assert segmentation_loss(sure, target) == pytest.approx(0, abs=1e-5)
    assert segmentation_loss(-sure, target) > 10
    empty = torch.zeros_like(target)
    sure = torch.nn.functional.one_hot(empty, 2).movedim(-1, 1) * 40.0
    assert segmentation_loss(sure, empty) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("done", [1, 2])
def test_training_from_a_checkpoint_equals_training_at_once(tmp_path, done) -> None:
    recipe = Recipe(epochs=4, batch_size=4, features=(2, 4), seed=3)
    slices = cohort(2)
    checkpoint = TrainingCheckpoint(tmp_path / "state.pt", {"recipe": asdict(recipe)})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        *_, once = train_source(slices, 3, recipe)
        for report in train_source(slices, 3, recipe):
            if report.epoch == done:
                checkpoint.write(report.state)
                break
        state = checkpoint.read()
        assert state is not None
        resumed = list(train_source(slices, 3, recipe, resume=state))
    finally:
        torch.set_num_threads(threads)
    assert [report.epoch for report in resumed] == list(range(done + 1, 5))
    assert resumed[-1].loss == once.loss
    for one, two in zip(
        once.network.state_dict().values(), resumed[-1].network.state_dict().values(), strict=True
    ):
        assert torch.equal(one, two)


def test_network_and_batches_are_on_the_device(monkeypatch) -> None:
    seen = []

    class Stop(Exception):
        pass

    def loss(logits: torch.Tensor, target: torch.Tensor) -> None:
        seen.append((logits.device.type, target.device.type))
        raise Stop

    monkeypatch.setattr("napari_osuda.benchmark.training.loop.segmentation_loss", loss)
    # "meta" computes shapes only, and is on every machine.
    for device in ("cpu", "meta"):
        with pytest.raises(Stop):
            next(train_source(cohort(1), 3, Recipe(batch_size=4, features=(2, 4)), device=device))
    assert seen == [("cpu", "cpu"), ("meta", "meta")]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_what_was_trained_on_a_gpu_ends_on_the_cpu(tmp_path) -> None:
    recipe = Recipe(epochs=3, batch_size=4, features=(2, 4))
    checkpoint = TrainingCheckpoint(tmp_path / "state.pt", {})
    first = next(train_source(cohort(1), 3, recipe, device="cuda"))
    assert {p.device.type for p in first.network.parameters()} == {"cuda"}
    checkpoint.write(first.state)
    *_, last = train_source(cohort(1), 3, recipe, device="cuda", resume=checkpoint.read())
    assert {p.device.type for p in last.network.state_dict().values()} == {"cpu"}
