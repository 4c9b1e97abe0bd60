from __future__ import annotations

from dataclasses import asdict

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_osuda.benchmark.training import segmentation_loss, train_source
from napari_osuda.benchmark.training.checkpoint import TrainingCheckpoint
from napari_osuda.benchmark.training.recipe import Recipe
from napari_osuda.benchmark.training.slices import TrainingSlices, training_slices
from napari_osuda.errors import ConfigError
from napari_osuda.imaging import Grid, SliceSpec, case_from_arrays

SPEC = SliceSpec(size=(32, 32), field_of_view_mm=(64.0, 64.0))


def squares(seed: int, depth: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Draw a disc of brain with a bright square of label 4 in it, inside a square of label 2."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((32, 32, depth), np.uint8)
    i, j = rng.integers(10, 16, 2)
    labels[i : i + 7, j : j + 7, 1:-1] = 2
    labels[i + 2 : i + 5, j + 2 : j + 5, 1:-1] = 4
    x, y = np.mgrid[-15.5:16.5, -15.5:16.5]
    brain = (np.hypot(x, y) < 14)[..., None] & np.ones(depth, bool)
    image = (100 + 60.0 * labels + rng.normal(0, 8, labels.shape)) * brain
    image[:, :, 0] = 0
    return image, labels


def cohort(count: int = 4) -> TrainingSlices:
    grid = Grid((32, 32, 6), np.diag([2.0, 2, 3, 1]))
    parts = []
    for seed in range(count):
        image, labels = squares(seed)
        case = case_from_arrays(str(seed), {"t2": image}, grid)
        parts.append(training_slices(case, labels, SPEC, {0: 0, 2: 1, 4: 2}))
    return TrainingSlices.join(parts)


def test_slices_without_foreground_are_left_out_and_labels_become_classes() -> None:
    slices = cohort(2)
    assert slices.images.shape == (10, 1, 32, 32)
    assert slices.images.dtype == np.float16
    _, labels = squares(0)
    np.testing.assert_array_equal(slices.classes[0], np.array([0, 0, 1, 0, 2], np.uint8)[labels[:, :, 1]])


def test_classes_follow_the_image_through_other_axes_and_resampling() -> None:
    image, labels = squares(3)
    grid = Grid(image.shape, np.diag([2.0, 2, 3, 1]))
    turned = nib.Nifti1Image(image, grid.affine).as_reoriented(np.array([[1, -1], [0, 1], [2, 1]]))
    seg = nib.Nifti1Image(labels, grid.affine).as_reoriented(np.array([[1, -1], [0, 1], [2, 1]]))
    spec = SliceSpec(size=(48, 48), field_of_view_mm=(64.0, 64.0))
    one, two = (
        training_slices(case_from_arrays("a", {"t2": i}, g), lab, spec, {0: 0, 2: 1, 4: 1})
        for i, lab, g in (
            (image, labels, grid),
            (turned.get_fdata(), np.asarray(seg.dataobj), Grid(turned.shape, turned.affine)),
        )
    )
    np.testing.assert_array_equal(one.classes, two.classes)
    np.testing.assert_array_equal(one.images, two.images)
    inside = one.images[:, 0][one.classes == 1]
    assert inside.mean() > one.images[:, 0][one.classes == 0].mean() + 1


def test_a_label_without_a_class_is_named() -> None:
    image, labels = squares(0)
    case = case_from_arrays("patient7", {"t2": image}, Grid(image.shape, np.eye(4)))
    with pytest.raises(ValueError, match="patient7 has the label 4"):
        training_slices(case, labels, SPEC, {0: 0, 2: 1})


def test_loss_is_0_for_a_sure_and_right_answer_and_counts_empty_batches() -> None:
    target = torch.zeros(2, 8, 8, dtype=torch.int64)
    target[:, 2:5, 2:5] = 1
    sure = torch.nn.functional.one_hot(target, 2).movedim(-1, 1) * 40.0
    assert segmentation_loss(sure, target) == pytest.approx(0, abs=1e-5)
    assert segmentation_loss(-sure, target) > 10
    empty = torch.zeros_like(target)
    sure = torch.nn.functional.one_hot(empty, 2).movedim(-1, 1) * 40.0
    assert segmentation_loss(sure, empty) == pytest.approx(0, abs=1e-5)


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


@pytest.mark.parametrize(("field", "least"), [("epochs", 1), ("batch_size", 1), ("seed", 0)])
def test_a_recipe_that_trains_nothing_is_refused(field, least):
    assert Recipe(**{field: least})
    with pytest.raises(ConfigError, match=f"{field} is {least - 1}; it must be {least} or more"):
        Recipe(**{field: least - 1})
