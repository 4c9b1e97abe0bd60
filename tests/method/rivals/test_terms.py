from __future__ import annotations

import math

import pytest
import torch

from napari_osuda.method.rivals import PredictionMemory, class_ratio_loss, memory_consistency_loss


def test_class_ratio_is_the_kl_divergence_of_the_soft_ratio():
    logits = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    q = logits.softmax(1).mean((0, 2, 3)).tolist()
    ratio = (0.7, 0.2, 0.1)
    expected = sum(a * math.log(a / b) for a, b in zip(q, ratio, strict=True))
    assert class_ratio_loss(logits, ratio, "softmax").item() == pytest.approx(expected, rel=1e-6)
    assert class_ratio_loss(logits, tuple(q), "softmax").item() == pytest.approx(0, abs=1e-8)
    within = tuple(v * 1.05 for v in q)
    assert class_ratio_loss(logits, within, "softmax", 0.1).item() == pytest.approx(0, abs=1e-8)
    assert class_ratio_loss(logits, within, "softmax", 0.01).item() != pytest.approx(0, abs=1e-8)


def test_memory_consistency_equals_its_formula():
    now, before, earlier = (torch.randn(2, 3, 2, 2, dtype=torch.float64).softmax(1) for _ in range(3))
    total = 0.0
    for b in range(2):
        for i in range(2):
            for j in range(2):
                p, q, r = (v[b, :, i, j].tolist() for v in (now, before, earlier))
                change = sum(sum(abs(x - y) for x, y in zip(p, o, strict=True)) for o in (q, r)) / 2
                total -= (1 - 1 / (1 + math.exp(-change))) * math.log(max(p))
    loss = memory_consistency_loss(now, [before, earlier], "softmax")
    assert loss.item() == pytest.approx(total / 8, rel=1e-6)
    assert memory_consistency_loss(now, [], "softmax").item() == 0


@pytest.mark.parametrize("activation", ["sigmoid", "none"])
def test_a_single_channel_is_as_consistent_as_the_same_two_classes(activation):
    now, before = (torch.rand(2, 1, 3, 3, dtype=torch.float64) for _ in range(2))
    both, earlier = (torch.cat((1 - p, p), dim=1) for p in (now, before))
    single = memory_consistency_loss(now, [before], activation)
    assert single.item() == pytest.approx(memory_consistency_loss(both, [earlier], "softmax").item())


def test_self_training_makes_independent_channels_surer_both_ways():
    p = torch.tensor([[0.01, 0.99]], dtype=torch.float64)[..., None].requires_grad_()
    memory_consistency_loss(p, [p.detach()], "sigmoid").backward()
    sure, marked = p.grad[0, :, 0].tolist()
    assert sure > 0, "what is surely background is not pushed up"
    assert marked < 0


def test_memory_holds_the_last_predictions_of_each_batch():
    memory = PredictionMemory(2)
    for value in range(4):
        memory.note(value % 2, torch.tensor(float(value)))
    memory.note(0, torch.tensor(9.0))
    assert [float(p) for p in memory.recall(0)] == [2.0, 9.0]
    assert [float(p) for p in memory.recall(1)] == [1.0, 3.0]
    assert memory.recall(5) == []


@pytest.mark.parametrize(("activation", "channels"), [("sigmoid", 2), ("none", 1)])
def test_an_independent_channel_is_a_ratio_of_two_classes(activation, channels):
    output = torch.rand(2, channels, 4, 4, dtype=torch.float64)
    p = output.sigmoid() if activation == "sigmoid" else output
    ratio = (0.3, 0.2)[:channels]
    expected = sum(
        a * math.log(a / r) + (1 - a) * math.log((1 - a) / (1 - r))
        for a, r in zip(p.mean((0, 2, 3)).tolist(), ratio, strict=True)
    )
    assert class_ratio_loss(output, ratio, activation).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_beyond_the_tolerance_its_end_is_what_counts(factor):
    logits = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    q = logits.softmax(1).mean((0, 2, 3))
    nearest = q * factor * (1.1 if factor < 1 else 0.9)
    loss = class_ratio_loss(logits, tuple((q * factor).tolist()), "softmax", 0.1)
    torch.testing.assert_close(loss, (q * (q / nearest).log()).sum())


def test_a_class_that_is_nowhere_leaves_the_ratio_finite():
    half, none = (torch.tensor([[a, 1.0 - a]], dtype=torch.float64)[..., None, None] for a in (0.5, 1.0))
    # Known to be nowhere: the logarithm of what is next to nothing.
    expected = 0.5 * math.log(0.5) + 0.5 * math.log(0.5 / 1e-10)
    assert class_ratio_loss(half, (1.0, 0.0), "none").item() == pytest.approx(expected, rel=1e-6)
    assert class_ratio_loss(none, (1.0, 0.0), "none").item() == pytest.approx(0.0, abs=1e-12)
    assert class_ratio_loss(none, (0.5, 0.5), "none").item() == pytest.approx(math.log(2), rel=1e-6)
