from __future__ import annotations

import copy

import method_reference as reference
import pytest
import torch
from rival_parts import norms
from torch import nn

from napari_osuda.errors import ConfigError
from napari_osuda.method import AdaptationConfig, adapt, preset, schedules
from napari_osuda.method.rivals import class_ratio_loss, memory_consistency_loss
from napari_osuda.method.rivals.rivals import Rivals, check_divisible


def test_tent_is_entropy_minimization_over_the_affines_in_train_mode(unet, batches):
    """Written once more with torch's own BatchNorm and autograd."""
    judge = copy.deepcopy(unet).train()
    judge.requires_grad_(False)
    affine = [p for m in norms(judge) for p in (m.weight.requires_grad_(), m.bias.requires_grad_())]
    optimizer = torch.optim.Adam(affine, lr=1e-3)
    losses = []
    for t in range(5):
        p = judge(batches[t % 3]).softmax(1)
        loss = -(p * p.log()).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    adaptation = adapt(unet, batches, preset("tent", iterations=5))
    assert [s.loss for s in adaptation] == pytest.approx(losses, rel=1e-4)
    for ours, theirs in zip(norms(adaptation.model), norms(judge), strict=True):
        torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(adaptation.model.head.weight, unet.head.weight, rtol=0, atol=0)


def test_dua_is_batchnorms_own_moving_average_under_a_falling_momentum(unet, batches):
    judge = copy.deepcopy(unet)
    decaying = 0.1
    for t in range(4):
        # The floor is added to what decays, and does not decay itself.
        decaying *= 0.94
        rho = decaying + 0.005
        seen: list[tuple[nn.BatchNorm2d, torch.Tensor]] = []

        def before(module, args, rho=rho, seen=seen):
            x = args[0]
            with torch.no_grad():
                module.running_mean.lerp_(x.mean((0, 2, 3)), rho)
                module.running_var.lerp_(x.var((0, 2, 3), correction=0), rho)
            seen.append((module, x))

        handles = [m.register_forward_pre_hook(before) for m in norms(judge)]
        with torch.no_grad():
            judge(batches[t % 3])
        for handle in handles:
            handle.remove()
    assert schedules.momentum(3, preset("dua")) == pytest.approx(rho)
    assert schedules.momentum(500, preset("dua")) == pytest.approx(0.005)
    adapted = adapt(unet, batches, preset("dua", iterations=4))
    list(adapted)
    for ours, theirs in zip(norms(adapted.model), norms(judge), strict=True):
        torch.testing.assert_close(ours.running_mean, theirs.running_mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-4, atol=1e-5)
        assert torch.equal(ours.weight, theirs.weight)


@pytest.mark.parametrize("count", [0, 5, 11, 40])
def test_norm_prior_weighs_the_source_as_so_many_slices(unet, batches, count):
    """mu = pi mu_K + (1 - pi) mu_T, pi = N / (N + n), n = 11 here; written once more for the first layer."""
    adapted = adapt(unet, batches, preset("norm-prior", source_count=count)).finish()
    seen = []
    first = norms(unet)[0]
    handle = first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].double()))
    with torch.no_grad():
        for batch in batches:
            unet.eval()(batch)
    handle.remove()
    x, pi = torch.cat(seen), count / (count + 11)
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    ours = norms(adapted)[0]
    expected = pi * first.running_mean.double() + (1 - pi) * mean
    torch.testing.assert_close(ours.running_mean.double(), expected, rtol=1e-5, atol=1e-6)
    expected = pi * first.running_var.double() + (1 - pi) * var
    torch.testing.assert_close(ours.running_var.double(), expected, rtol=1e-5, atol=1e-6)
    # What comes after the first layer is as with the same share given outright.
    same = adapt(unet, batches, preset("adabn", inference_statistics="mixed", source_prior=pi)).finish()
    for a, b in zip(adapted.state_dict().values(), same.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


def test_cruda_pulls_the_ratio_towards_the_given_one(unet, batches):
    ratio = (0.2, 0.2, 0.6)
    config = preset("cruda", iterations=30, class_ratio=ratio, learning_rate=1e-2, lambda0=0.0)
    steps = list(adapt(unet, batches, config))
    assert steps[-1].l_other < 0.5 * steps[0].l_other
    assert steps[0].loss == pytest.approx(steps[0].l_other)


def test_cruda_is_entropy_and_the_ratio_in_train_mode(unet, batches):
    """Written once more with torch's own BatchNorm and autograd, over all weights."""
    ratio = (0.5, 0.3, 0.2)
    judge = copy.deepcopy(unet).train()
    optimizer = torch.optim.Adam(judge.parameters(), lr=1e-4)
    losses = []
    for t in range(5):
        p = judge(batches[t % 3]).softmax(1)
        q = p.mean((0, 2, 3))
        loss = -(p * p.log()).sum(1).mean() + sum(a * (a / b).log() for a, b in zip(q, ratio, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    adaptation = adapt(unet, batches, preset("cruda", class_ratio=ratio, iterations=5, learning_rate=1e-4))
    assert [s.loss for s in adaptation] == pytest.approx(losses, rel=1e-4)


def test_the_journal_version_weighs_each_channel_by_exp_of_minus_gamma(unet, batches):
    """Against eq. 4 of its reference, in float64, where gamma and beta have moved."""
    gamma_k = torch.cat([m.weight.detach().double() for m in norms(unet)])
    beta_k = torch.cat([m.bias.detach().double() for m in norms(unet)])
    adaptation = adapt(unet, batches, preset("osuda-mc", iterations=3, learning_rate=1e-2, parameters="all"))
    for _ in range(2):
        next(adaptation)
    gamma = torch.cat([m.weight.detach().double() for m in norms(adaptation.model)])
    beta = torch.cat([m.bias.detach().double() for m in norms(adaptation.model)])
    step = next(adaptation)
    # 1 + alpha is the weight of eq. 4; here that times exp(-gamma_K).
    weight = (1 + torch.from_numpy(step.alpha).double()) * torch.exp(-gamma_k)
    expected = reference.hbs(gamma, beta, gamma_k, beta_k, weight - 1)
    assert expected > 0
    assert step.l_hbs == pytest.approx(float(expected), rel=1e-4)


def test_osuda_mc_trusts_only_what_it_has_seen_before_and_resumes_to_the_same_bits(unet, batches):
    config = preset("osuda-mc", iterations=8, learning_rate=1e-3)
    whole = adapt(unet, batches, config)
    others = [s.l_other for s in whole]
    assert others[:3] == [0, 0, 0]
    assert min(others[3:]) > 0
    half = adapt(unet, batches, config)
    for _ in range(5):
        next(half)
    rest = adapt(unet, batches, config)
    rest.load_state_dict(half.state_dict())
    assert [s.l_other for s in rest] == others[5:]


@pytest.mark.parametrize("name", ["sar", "grata", "muvi"])
def test_a_rival_resumes_to_the_same_bits(unet, batches, name):
    config = preset(name, iterations=6)
    whole = [s.l_se for s in adapt(unet, batches, config)]
    half = adapt(unet, batches, config)
    for _ in range(3):
        next(half)
    rest = adapt(unet, batches, config)
    rest.load_state_dict(half.state_dict())
    assert [s.l_se for s in rest] == whole[3:]


@pytest.mark.parametrize("setting", [
    {"class_ratio": (0.5, 0.5)}, {"consistency": 0.5}, {"entropy_margin": 0.4}, {"gradient_alignment": True},
    {"multi_view": True}, {"sharpness": 0.05},
])  # fmt: skip
def test_what_needs_the_whole_batch_is_told_by_its_name(setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=f"The setting {name} needs the whole batch"):
        check_divisible(AdaptationConfig(**setting), 2)
    check_divisible(AdaptationConfig(**setting), 1)
    check_divisible(AdaptationConfig(), 2)


@pytest.mark.parametrize(("setting", "terms", "batches_known"), [
    ({}, False, False), ({"class_ratio": (0.5, 0.5)}, True, False), ({"consistency": 0.5}, True, True),
    ({"entropy_margin": 0.4}, False, False),
])  # fmt: skip
def test_which_settings_add_a_term_and_know_the_batches(unet, setting, terms, batches_known):
    rivals = Rivals([*unet.parameters()], AdaptationConfig(**setting), "softmax", unet)
    assert (rivals.have_terms, rivals.know_batches) == (terms, batches_known)


def test_predictions_are_kept_by_the_batch_and_forgotten_where_the_batches_change(unet, batches):
    config = AdaptationConfig(iterations=12, consistency=0.5, history=2, learning_rate=1e-3)
    adaptation = adapt(unet, batches, config)
    others = [next(adaptation).l_other for _ in range(len(batches) + 1)]
    # The first round has nothing to compare with; its batches are known again in the second.
    assert others[:-1] == [0.0] * len(batches)
    assert others[-1] > 0.0
    assert set(adaptation.state_dict()["memory"]) == set(range(len(batches)))
    smaller = [part for batch in batches for part in batch.split(2)]
    adaptation.rebatch(smaller, 2)
    assert adaptation.state_dict()["memory"] == {}
    others = [next(adaptation).l_other for _ in range(len(smaller) + 1)]
    assert others[:-1] == [0.0] * len(smaller)
    assert others[-1] > 0.0


def test_a_weight_below_one_of_a_term_alone_trains(unet, batches):
    config = AdaptationConfig(iterations=1, lambda0=0.0, class_ratio=(0.5, 0.3, 0.2), learning_rate=1e-2)
    adaptation = adapt(unet, batches, config)
    assert next(adaptation).l_other > 0.0
    moved = zip(unet.parameters(), adaptation.model.parameters(), strict=True)
    assert all(not torch.equal(before, after) for before, after in moved)


@pytest.mark.parametrize(("activation", "classes"), [("softmax", 3), ("sigmoid", 2)])
def test_how_many_classes_sars_margin_is_of(unet, activation, classes):
    rivals = Rivals([*unet.parameters()], AdaptationConfig(entropy_margin=0.4), activation, unet)
    output = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
    entropy, sure = rivals.entropy(output)
    p = output.softmax(1) if activation == "softmax" else output.sigmoid()
    each = -(p * p.log()).sum(1) if activation == "softmax" else -(p * p.log() + (1 - p) * (1 - p).log())
    expected = each < 0.4 * torch.tensor(float(classes)).log()
    assert torch.equal(sure, expected)
    torch.testing.assert_close(entropy, each[expected].mean())
    # Among some of them, and where none is left.
    few = torch.zeros_like(sure)
    few.view(-1)[sure.view(-1).nonzero()[0]] = True
    torch.testing.assert_close(rivals.entropy(output, few)[0], each[few].mean())
    assert rivals.entropy(output, torch.zeros_like(sure))[0] == 0.0


def _of_one_weight(activation="softmax", **settings):
    """Rivals of a network of one weight per channel, an optimizer of it, and what it predicts."""
    weight = nn.Parameter(torch.tensor([0.5, -0.3]))
    rivals = Rivals([weight], AdaptationConfig(**settings), activation, nn.Identity())
    return weight, rivals, torch.optim.Adam([weight], lr=1e-2), lambda x: x * weight.view(1, 2, 1, 1)


def test_sars_average_is_of_the_entropy_whatever_its_weight():
    weight, rivals, optimizer, predict = _of_one_weight(sharpness=0.2, recovery=0.1)
    x = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    gradient = torch.tensor([3.0, 4.0])
    weight.grad = gradient.clone()
    moved = weight.detach() + 0.2 * gradient / 5
    entropy = reference.softmax_entropy(x * moved.view(1, 2, 1, 1))
    rivals.step(optimizer, x, predict, 4.0, 0)
    assert rivals.state_dict()["average"] == pytest.approx(entropy, rel=1e-5)
    assert optimizer.state
    # Taken up by another process.
    other = _of_one_weight(sharpness=0.2, recovery=0.1)[1]
    other.load_state_dict(rivals.state_dict())
    assert other.state_dict() == rivals.state_dict()


def test_after_a_recovery_the_optimizer_begins_anew():
    weight, rivals, optimizer, predict = _of_one_weight(sharpness=0.2, recovery=1.0)
    source, x = weight.detach().clone(), torch.randn(2, 2, 4, 4) * 5
    weight.grad = torch.ones(2)
    rivals.step(optimizer, x, predict, 1.0, 0)
    assert torch.equal(weight.data, source)
    assert not optimizer.state
    assert rivals.state_dict()["average"] is None


@pytest.mark.parametrize(("sharpness", "lam"), [(0.2, 0.0), (0.0, 2.0)])
def test_without_entropy_or_sharpness_the_step_is_along_what_there_is(sharpness, lam):
    weight, rivals, _, predict = _of_one_weight(sharpness=sharpness, recovery=0.1)
    before, gradient = weight.detach().clone(), torch.tensor([3.0, -4.0])
    weight.grad = gradient.clone()
    rivals.step(torch.optim.SGD([weight], lr=0.1), torch.randn(1, 2, 4, 4), predict, lam, 0)
    torch.testing.assert_close(weight.data, before - 0.1 * gradient)


def test_gratas_rate_holds_for_one_step_alone():
    weight, rivals, _, predict = _of_one_weight(gradient_alignment=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    weight.grad = torch.tensor([0.3, -0.4])
    rivals.step(optimizer, torch.randn(1, 2, 4, 4), predict, 1.0, 0)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_terms_weigh_as_they_are_set(unet):
    output = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    earlier, ratio = torch.randn(2, 3, 4, 4).softmax(1), (0.5, 0.3, 0.2)
    alone = class_ratio_loss(output, ratio, "softmax")
    settings = {"class_ratio": ratio, "class_ratio_weight": 3.0, "consistency": 0.25}
    rivals = Rivals([], AdaptationConfig(**settings), "softmax", unet)
    rivals._memory.note(0, earlier)
    consistency = memory_consistency_loss(output.softmax(1), [earlier], "softmax")
    expected = 3.0 * alone + 0.25 * consistency
    torch.testing.assert_close(rivals.terms(output, 0, output, lambda x: x), expected)
    with pytest.raises(ConfigError, match="class_ratio has 3 shares; the network has 2"):
        rivals.terms(output[:, :2], 0, output, lambda x: x)


def test_one_channel_is_a_choice_between_two_classes(unet):
    rivals = Rivals([], AdaptationConfig(entropy_margin=0.9), "none", unet)
    p = torch.tensor([0.5, 0.29, 0.4, 0.95])[None, None, None]
    h = -(p * p.log() + (1 - p) * (1 - p).log())
    entropy, sure = rivals.entropy(p)
    assert sure.flatten().tolist() == [False, True, False, True]
    torch.testing.assert_close(entropy, h[sure.view_as(h)].mean())


def test_other_batches_have_other_labels(unet):
    rivals = Rivals([], AdaptationConfig(multi_view=True), "softmax", unet)
    rivals._views._labels[0] = torch.ones(1, dtype=torch.bool)
    rivals.forget_predictions()
    assert rivals._views._labels == {}
