from __future__ import annotations

from dataclasses import asdict

import torch

from napari_osuda.benchmark.training.checkpoint import TrainingCheckpoint
from napari_osuda.benchmark.training.recipe import Recipe


def test_a_checkpoint_of_another_training_is_not_gone_on_from(tmp_path) -> None:
    training = {"recipe": asdict(Recipe()), "cases": ["a", "b"]}
    checkpoint = TrainingCheckpoint(tmp_path / "models" / "state.pt", training)
    assert checkpoint.read() is None
    checkpoint.write({"epoch": 3, "weights": torch.ones(2)})
    state = checkpoint.read()
    assert state is not None
    assert state["epoch"] == 3
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["state.pt"]
    for other in ({"recipe": asdict(Recipe(seed=1))}, {"cases": ["a", "c"]}):
        assert TrainingCheckpoint(checkpoint.path, training | other).read() is None
    whole = checkpoint.path.read_bytes()
    for damaged in (b"", b"nothing", whole[: len(whole) // 2]):
        checkpoint.path.write_bytes(damaged)
        assert checkpoint.read() is None
