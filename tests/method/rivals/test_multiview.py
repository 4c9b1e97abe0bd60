from __future__ import annotations

import copy
import math

import pytest
import torch
from method_reference import settle
from rival_parts import norms
from torch import nn

from napari_osuda.method import adapt, preset
from napari_osuda.method.losses import pixel_entropy
from napari_osuda.method.rivals import multiview
from napari_osuda.method.rivals.multiview import MultiView, confident_label, dice_and_cross_entropy
from napari_osuda.networks import UNet

# The orders of the axes of a volume, and of a slice: a view and the way back.
VOLUME = [("bcxyz->bczxy", "bczxy->bcxyz"), ("bcxyz->bcyzx", "bcyzx->bcxyz")]


def _views(x: torch.Tensor) -> list[torch.Tensor]:
    if x.dim() == 5:
        return [torch.einsum(to, x) for to, _ in VOLUME]
    return [x.mT, x.mT.flip(2)]


def _back(seen: list[torch.Tensor]) -> list[torch.Tensor]:
    if seen[0].dim() == 5:
        return [torch.einsum(back, y) for (_, back), y in zip(VOLUME, seen, strict=True)]
    return [seen[0].mT, seen[1].flip(2).mT]


def _label(outputs: list[torch.Tensor]) -> torch.Tensor:
    """Pixel by pixel: the class of the surest view that is sure of a foreground class."""
    k = outputs[0].shape[1]
    rows = [y.softmax(1).movedim(1, -1).reshape(-1, k).tolist() for y in outputs]
    found = torch.zeros(len(rows[0]), dtype=torch.int64)
    for i, ps in enumerate(zip(*rows, strict=True)):
        sure = []
        for p, tau in zip(ps, (0.4, 0.2, 0.2), strict=True):
            entropy, decided = -sum(q * math.log(q) for q in p), p.index(max(p))
            if entropy < tau * math.log(k) / math.log(2) and decided > 0:
                sure.append((entropy, decided))
        if sure:
            found[i] = min(sure)[1]
    return found.view(outputs[0].movedim(1, -1).shape[:-1])


def _dice_ce(output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    p = output.softmax(1)
    loss = nn.functional.cross_entropy(output, label) + 1
    for k in range(1, p.shape[1]):
        y = (label == k).double()
        dice = (2 * (p[:, k] * y).sum() + 1e-5) / (p[:, k].sum() + y.sum() + 1e-5)
        loss = loss - dice / (p.shape[1] - 1)
    return loss


@pytest.mark.parametrize(("dims", "deepest"), [(2, "encoders.2.4"), (3, "encoders.1.4")])
def test_muvi_lowers_its_three_losses_by_nesterov_steps_on_the_sources_statistics(dims, deepest):
    """Written once more from the equations, with torch's own BatchNorm in eval mode, in float64."""
    generator = torch.Generator().manual_seed(3)
    size, features = ((16, 12), (4, 8, 8)) if dims == 2 else ((8, 4, 6), (4, 6))
    torch.manual_seed(1)
    unet = settle(UNet(1, 3, features, spatial_dims=dims), 4, 1, *size)
    batches = [torch.randn(2, 1, *size, generator=generator) * 0.7 for _ in range(2)]
    with torch.no_grad():
        # So sure that both foreground classes are labeled.
        plain = unet(torch.cat(batches)).transpose(0, 1).flatten(1)
        stretch = 6.0 / plain.std(1)
        unet.head.weight.mul_(stretch.view(-1, *(1,) * (dims + 1)))
        unet.head.bias.copy_((unet.head.bias - plain.mean(1)) * stretch)

    judge = copy.deepcopy(unet).double().eval()
    maps: list[torch.Tensor] = []
    judge.get_submodule(deepest).register_forward_hook(lambda _, args, y: maps.append(y.clone()))
    with torch.no_grad():
        labels = [
            _label([judge(x.double()), *_back([judge(v) for v in _views(x.double())])]) for x in batches
        ]
    assert all(set(label.unique().tolist()) == {0, 1, 2} for label in labels)
    optimizer = torch.optim.SGD(judge.parameters(), lr=1e-3, momentum=0.99, nesterov=True)
    losses = []
    for t in range(3):
        x, label = batches[t % 2].double(), labels[t % 2]
        maps.clear()
        output = judge(x)
        others = _back([judge(v) for v in _views(x)])
        g, *g_others = [maps[0], *_back(maps[1:])]
        loss = _dice_ce(output, label)
        for other, g_other in zip(others, g_others, strict=True):
            loss = loss + _dice_ce(other, label) + _dice_ce(other, output.argmax(1))
            a, b = g.flatten(1), g_other.flatten(1)
            loss = loss + (1 - (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean()
        optimizer.zero_grad()
        loss.backward()
        length = torch.stack([p.grad.norm() for p in judge.parameters()]).norm()
        for p in judge.parameters():
            p.grad *= min(1.0, 12 / float(length))
        optimizer.step()
        losses.append(loss.item())

    adaptation = adapt(unet, batches, preset("muvi", iterations=3))
    assert [step.l_other for step in adaptation] == pytest.approx(losses, rel=1e-4)
    adapted = adaptation.model.network
    for ours, theirs in zip(adapted.parameters(), judge.parameters(), strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-3, atol=1e-5)
    for ours, source in zip(norms(adapted), norms(unet), strict=True):
        assert torch.equal(ours.running_mean, source.running_mean)
    # The mask is the mean over the views.
    x = batches[0]
    with torch.no_grad():
        mean = torch.stack([judge(x.double()), *_back([judge(v) for v in _views(x.double())])]).mean(0)
        torch.testing.assert_close(adaptation.model(x).double(), mean, rtol=1e-3, atol=1e-3)


def test_a_pixel_is_labeled_where_any_view_is_sure_of_foreground_as_published_for_two_classes():
    outputs = [torch.randn(2, 2, 4, 4, 4, generator=torch.Generator().manual_seed(s)) * 4 for s in range(3)]
    union = torch.zeros(2, 4, 4, 4, dtype=torch.bool)
    for output, tau in zip(outputs, (0.4, 0.2, 0.2), strict=True):
        p = output.softmax(1)
        union |= (-(p * p.log()).sum(1) < tau) & (p[:, 1] > p[:, 0])
    found = confident_label(outputs, "softmax")
    assert torch.equal(found[:, 1], union)
    assert torch.equal(found[:, 0], ~union)
    # The same as one channel that is a choice of its own.
    single = [output[:, 1:] - output[:, :1] for output in outputs]
    assert torch.equal(confident_label(single, "sigmoid")[:, 0], union)
    assert torch.equal(confident_label([s.sigmoid() for s in single], "none")[:, 0], union)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_the_loss_is_least_where_output_and_label_agree(activation):
    label = torch.zeros(1, 2, 4, 4, dtype=torch.bool)
    label[:, 0, :2], label[:, 1, 2:] = True, True
    good = label.float() if activation == "none" else 40.0 * (label.float() - 0.5)
    assert float(dice_and_cross_entropy(good, label, activation)) == pytest.approx(0.0, abs=1e-4)
    assert float(dice_and_cross_entropy(good.flip(1), label, activation)) > 10


@pytest.mark.parametrize(
    ("activation", "channels"), [("softmax", 3), ("sigmoid", 2), ("none", 1), ("none", 3)]
)
def test_dice_is_of_the_whole_batch_and_of_the_foreground_alone(activation, channels):
    z = torch.randn(2, channels, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    p = z.softmax(1) if activation == "softmax" or channels > 2 else z.sigmoid()
    marked = torch.rand(p.shape, generator=torch.Generator().manual_seed(6)) > 0.6
    given = p if activation == "none" else z
    exclusive = activation == "softmax" or channels > 2
    dice = [
        (2 * float((p[:, k] * marked[:, k]).sum()) + 1e-5)
        / (float(p[:, k].sum() + marked[:, k].sum()) + 1e-5)
        for k in range(int(exclusive), channels)
    ]
    y = marked.double()
    each = -(y * p.log()).sum(1) if exclusive else -(y * p.log() + (1 - y) * (1 - p).log())
    expected = float(each.mean()) + 1 - sum(dice) / len(dice)
    assert float(dice_and_cross_entropy(given, marked, activation)) == pytest.approx(expected, rel=1e-5)


def test_a_class_that_is_nowhere_is_as_alike_as_its_smallness_says():
    label = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    p = torch.full((1, 1, 2, 2), 1e-5)
    # 1e-5 in the numerator; in the denominator besides the sum over four pixels.
    assert float(dice_and_cross_entropy(p, label, "none")) == pytest.approx(1 - 1 / 5 + 1e-5, rel=1e-4)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_an_entropy_at_the_threshold_itself_is_not_sure(monkeypatch, activation):
    # Four classes, whose thresholds are twice those of two.
    output = torch.tensor([0.0, 3.0, 0.5, -1.0] if activation == "softmax" else [2.0])[None, :, None, None]
    entropy, of_two = float(pixel_entropy(output, activation)), 2 if activation == "softmax" else 1
    for tau, sure in ((entropy / of_two, False), (entropy / of_two * 1.0001, True)):
        monkeypatch.setattr(multiview, "_THRESHOLDS", (tau, tau, tau))
        label = confident_label([output] * 3, activation)
        assert bool(label[0, -1 if activation == "sigmoid" else 1, 0, 0]) == sure


def test_of_views_that_are_as_sure_the_first_is_believed():
    one, two = (torch.tensor(z)[None, :, None, None] for z in ([0.0, 9.0, 1.0], [0.0, 1.0, 9.0]))
    assert confident_label([two, one, one], "softmax").flatten().tolist() == [False, False, True]
    assert confident_label([one, two, two], "softmax").flatten().tolist() == [False, True, False]


def test_the_deepest_features_are_the_coarsest_and_of_these_the_last():
    views = MultiView(nn.Identity(), "softmax")
    last = torch.randn(1, 1, 4, 4)
    features = torch.randn(1, 1, 8, 8), torch.randn(1, 1, 4, 4), last, torch.randn(1, 1, 4, 5)
    for y in (torch.randn(1, 1, 2), torch.randn(1, 3), *features, torch.randn(1, 1)):
        views.note_layer(y)
    taken = views._taken()
    assert torch.equal(taken, last)
    # A copy, which what follows in place does not change.
    assert taken.data_ptr() != last.data_ptr()


def test_labels_are_of_the_batches_until_these_are_others():
    network = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1)).eval()
    first, other = torch.randn(2, 1, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * 9

    def loss(views: MultiView, x: torch.Tensor) -> float:
        def predict(image: torch.Tensor) -> torch.Tensor:
            views.note_layer(network[0](image))
            return network(image)

        with torch.no_grad():
            return float(views.loss(predict(x), 0, x, predict))

    views, fresh = MultiView(network, "softmax"), MultiView(network, "softmax")
    loss(views, first)
    assert loss(views, other) != loss(fresh, other)
    views.forget()
    assert loss(views, other) == loss(fresh, other)


def test_what_is_exactly_undecided_is_background():
    assert not multiview._decided(torch.zeros(1, 2, 1, 1), "sigmoid").any()
