"""Each loss against the equation of its paper, written out in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.benchmark.comparators.cyclegan import translation_loss
from napari_osuda.benchmark.comparators.dsfn import Fused, segmenters_loss
from napari_osuda.benchmark.comparators.losses import (
    accept,
    consistency,
    distance,
    segmentation,
    tell_apart,
    update_average,
)
from napari_osuda.benchmark.comparators.seat import ramp, student_loss
from napari_osuda.benchmark.comparators.sifa import segmenter_loss, translators_loss


@pytest.fixture
def draw():
    rng = np.random.default_rng(0)
    return lambda *shape: rng.normal(0, 1, shape)


def tensors(*arrays):
    return tuple(map(torch.from_numpy, arrays))


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def wins(verdict):
    return np.mean((verdict - 1) ** 2)


def segments(logits, classes):
    """Cross-entropy, and 1 - Dice of each class but background over the batch, smoothed as MONAI does."""
    p = softmax(logits)
    truth = np.moveaxis(np.eye(p.shape[1])[classes], -1, 1)
    entropy = -(truth * np.log(p)).sum(1).mean()
    over = (0, 2, 3)
    shared, both = (p * truth).sum(over), (p + truth).sum(over)
    dice = (2 * shared + 1e-5) / (both + 1e-5)
    return entropy + np.mean(1 - dice[1:])


@pytest.fixture
def masks(draw):
    classes = np.random.default_rng(1).integers(0, 3, (2, 4, 4))
    return draw, classes


def test_adversaries_are_least_squares(draw):
    real, fake = draw(2, 1, 3, 3), draw(2, 1, 3, 3)
    assert float(accept(*tensors(fake))) == pytest.approx(wins(fake))
    expected = (wins(real) + np.mean(fake**2)) / 2
    assert float(tell_apart(*tensors(real, fake))) == pytest.approx(expected)


def test_segmentation_is_cross_entropy_and_dice(masks):
    draw, classes = masks
    logits = draw(2, 3, 4, 4)
    assert float(segmentation(*tensors(logits, classes))) == pytest.approx(segments(logits, classes))


def test_consistency_is_the_squared_difference_and_moves_the_student_alone(draw):
    student, teacher = draw(2, 3, 4, 4), draw(2, 3, 4, 4)
    expected = np.mean((softmax(student) - softmax(teacher)) ** 2)
    a, b = (t.requires_grad_() for t in tensors(student, teacher))
    loss = consistency(a, b)
    assert loss.item() == pytest.approx(expected)
    loss.backward()
    assert a.grad is not None
    assert b.grad is None


def test_the_teacher_is_the_moving_average():
    teacher, student = torch.nn.BatchNorm2d(2), torch.nn.BatchNorm2d(2)
    with torch.no_grad():
        student.weight.fill_(3.0)
        student.running_mean.fill_(7.0)
    update_average(teacher, student, 0.9)
    assert torch.allclose(teacher.weight, torch.full((2,), 0.9 * 1 + 0.1 * 3))
    assert torch.equal(teacher.running_mean, torch.zeros(2))


def test_cyclegan(draw):
    verdicts = draw(2, 1, 3, 3), draw(2, 1, 3, 3)
    images, cycled, same = ((draw(2, 1, 4, 4), draw(2, 1, 4, 4)) for _ in range(3))
    expected = sum(map(wins, verdicts))
    for image, back, own in zip(images, cycled, same, strict=True):
        expected += 10 * np.mean(np.abs(back - image)) + 5 * np.mean(np.abs(own - image))
    found = translation_loss(*(tensors(*pair) for pair in (verdicts, images, cycled, same)))
    assert float(found) == pytest.approx(expected)
    assert float(distance(*tensors(*images))) == pytest.approx(np.mean(np.abs(images[0] - images[1])))


def test_sifa(masks):
    draw, classes = masks
    verdicts = [draw(2, 1, 3, 3) for _ in range(3)]
    images, cycled = ((draw(2, 1, 4, 4), draw(2, 1, 4, 4)) for _ in range(2))
    expected = wins(verdicts[0]) + wins(verdicts[1])
    expected += 10 * sum(np.mean(np.abs(a - b)) for a, b in zip(images, cycled, strict=True))
    found = translators_loss(tensors(*verdicts[:2]), tensors(*images), tensors(*cycled))
    assert float(found) == pytest.approx(expected)
    logits, lower = draw(2, 3, 4, 4), draw(2, 3, 4, 4)
    expected = segments(logits, classes) + 0.1 * segments(lower, classes)
    expected += 0.1 * wins(verdicts[0]) + 0.01 * wins(verdicts[1]) + 0.1 * wins(verdicts[2])
    found = segmenter_loss(*tensors(logits, lower, classes), tensors(*verdicts))
    assert float(found) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("progress", "weight"), [(0.0, np.exp(-5)), (0.1, np.exp(-1.25)), (0.2, 1), (0.9, 1)]
)
def test_seat(masks, progress, weight):
    draw, classes = masks
    logits, student, teacher = (draw(2, 3, 4, 4) for _ in range(3))
    said = draw(2, 1, 3, 3)
    expected = segments(logits, classes) + 0.01 * wins(said)
    expected += weight * np.mean((softmax(student) - softmax(teacher)) ** 2)
    found = student_loss(*tensors(logits, classes, student, teacher, said), progress)
    assert float(found) == pytest.approx(expected)
    assert ramp(progress) == pytest.approx(weight)


def test_dsfn(masks):
    draw, classes = masks
    logits = draw(2, 3, 4, 4), draw(2, 3, 4, 4)
    verdicts = draw(2, 1, 3, 3), draw(2, 1, 3, 3)
    expected = sum(segments(x, classes) for x in logits) + 0.1 * sum(map(wins, verdicts))
    found = segmenters_loss(tensors(*logits), torch.from_numpy(classes), tensors(*verdicts))
    assert float(found) == pytest.approx(expected)


def test_dsfn_fuses_probabilities(draw):
    image = draw(1, 3, 4, 4)
    double, minus = (lambda x: 2 * x), (lambda x: -x)
    fused = Fused(torch.nn.Identity(), _Call(double), _Call(minus))
    found = fused(torch.from_numpy(image)).softmax(1).numpy()
    assert found == pytest.approx((softmax(image) + softmax(-2 * image)) / 2)


class _Call(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self._function = function

    def forward(self, x):
        return self._function(x)
