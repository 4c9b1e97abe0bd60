from __future__ import annotations

import copy
import math

import method_reference as reference
import pytest
import torch
from torch import nn

from napari_osuda.errors import ConfigError
from napari_osuda.method import adapt, preset, schedules
from napari_osuda.method.presets import PRESETS, check_complete
from napari_osuda.method.rivals import PredictionMemory, class_ratio_loss, memory_consistency_loss
from napari_osuda.method.rivals.alignment import strong_style
from napari_osuda.method.rivals.prompt import PromptedNetwork, low_frequencies, prompted


def norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]


def test_tent_is_entropy_minimisation_over_the_affines_in_train_mode(unet, batches):
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


def test_cruda_says_what_it_assumes():
    with pytest.raises(ConfigError, match="assumes that you know"):
        check_complete("cruda", preset("cruda"))
    check_complete("cruda", preset("cruda", class_ratio="0.9,0.1"))
    check_complete("tent", preset("tent"))


def test_a_ratio_of_the_wrong_length_is_refused(unet, batches):
    with pytest.raises(ConfigError, match="2 shares; the network has 3"):
        next(adapt(unet, batches, preset("cruda", class_ratio=(0.5, 0.5))))


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


def test_memory_holds_the_last_predictions_of_each_batch():
    memory = PredictionMemory(2)
    for value in range(4):
        memory.note(value % 2, torch.tensor(float(value)))
    memory.note(0, torch.tensor(9.0))
    assert [float(p) for p in memory.recall(0)] == [2.0, 9.0]
    assert [float(p) for p in memory.recall(1)] == [1.0, 3.0]
    assert memory.recall(5) == []


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


def test_every_method_has_a_line_and_a_citation():
    for known in PRESETS.values():
        assert known.summary.endswith(".")
        assert any(
            year in known.citation
            for year in ("2016", "2020", "2021", "2022", "2023", "2024", "2025", "2026")
        )
        assert len(known.summary) < 100


def affine_of(model: nn.Module) -> list[nn.Parameter]:
    model.requires_grad_(False)
    return [p for m in norms(model) for p in (m.weight.requires_grad_(), m.bias.requires_grad_())]


def test_sar_is_entropy_of_sure_pixels_at_the_worst_weights_near_by(unet, batches):
    """Written once more with torch's own BatchNorm and autograd: eqs. 2 to 6 of the paper."""
    judge = copy.deepcopy(unet).train()
    affine = affine_of(judge)
    optimizer = torch.optim.Adam(affine, lr=1e-3)
    margin = 0.9 * math.log(3)

    def entropy(x: torch.Tensor, among: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        p = judge(x).softmax(1)
        h = -(p * p.log()).sum(1)
        sure = (h < margin) & (torch.ones_like(h, dtype=torch.bool) if among is None else among)
        return h[sure].mean(), sure

    losses = []
    for t in range(4):
        loss, sure = entropy(batches[t % 3])
        assert 0 < sure.float().mean() < 1
        gradients = torch.autograd.grad(loss, affine)
        length = torch.stack([g.norm() for g in gradients]).norm()
        with torch.no_grad():
            for p, g in zip(affine, gradients, strict=True):
                p.add_(0.05 * g / length)
        worst, _ = entropy(batches[t % 3], sure)
        there = torch.autograd.grad(worst, affine)
        with torch.no_grad():
            for p, g, after in zip(affine, gradients, there, strict=True):
                p.sub_(0.05 * g / length)
                p.grad = after
        optimizer.step()
        losses.append(loss.item())
    adaptation = adapt(unet, batches, preset("sar", iterations=4, entropy_margin=0.9, recovery=0.0))
    assert [s.l_se for s in adaptation] == pytest.approx(losses, rel=1e-4)
    for ours, theirs in zip(norms(adaptation.model), norms(judge), strict=True):
        torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-4, atol=1e-5)


def test_sar_goes_back_to_the_source_where_one_class_has_won(unet, batches):
    config = preset("sar", iterations=3, entropy_margin=1.0, recovery=1.0, learning_rate=1e-2)
    adaptation = adapt(unet, batches, config)
    for step in adaptation:
        assert step.l_se < math.log(3)
        for ours, source in zip(norms(adaptation.model), norms(unet), strict=True):
            assert torch.equal(ours.weight, source.weight)


def test_where_no_pixel_is_sure_nothing_is_learned(unet, batches):
    adaptation = adapt(unet, batches, preset("sar", iterations=2, entropy_margin=1e-6, recovery=0.0))
    assert [s.l_se for s in adaptation] == [0, 0]
    assert torch.equal(norms(adaptation.model)[0].weight, norms(unet)[0].weight)


def test_grata_steps_by_the_consistency_as_far_as_it_agrees_with_the_entropy(unet, batches):
    """Written once more with torch's own BatchNorm and autograd."""
    judge = copy.deepcopy(unet).train()
    affine = affine_of(judge)
    optimizer = torch.optim.Adam(affine, lr=1e-3)
    turns = [
        (lambda x: x, lambda x: x),
        (lambda x: x.flip(2), lambda x: x.flip(2)),
        (lambda x: x.flip(3), lambda x: x.flip(3)),
        *((lambda x, k=k: x.rot90(k, (2, 3)), lambda x, k=k: x.rot90(-k, (2, 3))) for k in (1, 2, 3)),
    ]
    for t in range(3):
        x = batches[t % 3]
        p = judge(x).softmax(1)
        auxiliary = torch.autograd.grad(-(p * p.log()).sum(1).mean(), affine)
        with torch.no_grad():
            for value, g in zip(affine, auxiliary, strict=True):
                value.sub_(g)
            target = torch.stack([undo(judge(turn(x)).softmax(1)) for turn, undo in turns]).mean(0)
        styled = strong_style(x, torch.Generator().manual_seed(t))
        pseudo = torch.autograd.grad(-(target * judge(styled).log_softmax(1)).sum(1).mean(), affine)
        with torch.no_grad():
            for value, g, after in zip(affine, auxiliary, pseudo, strict=True):
                value.add_(g)
                value.grad = after
        a, b = (torch.cat([g.flatten() for g in each]) for each in (auxiliary, pseudo))
        cosine = float(a @ b / (a.norm() * b.norm()))
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 + cosine) ** 2 / 4
        optimizer.step()
    adaptation = adapt(unet, batches, preset("grata", iterations=3))
    list(adaptation)
    for ours, theirs in zip(norms(adaptation.model), norms(judge), strict=True):
        torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-3, atol=1e-5)


def test_intent_averages_the_predictions_under_six_mixes_by_their_entropy(unet, batches):
    """Written once more: statistics by train mode, mixes stored in the layers, weights by the formula."""
    x = batches[0][:2]
    given = adapt(unet, batches, preset("intent")).finish()(x).softmax(1)
    for i, image in enumerate(x):
        seen = []

        def note(module, args, seen=seen):
            seen.append((args[0].mean((0, 2, 3)), args[0].var((0, 2, 3), correction=0)))

        handles = [m.register_forward_pre_hook(note) for m in norms(unet)]
        with torch.no_grad():
            copy.deepcopy(unet).train()(image[None])
        for handle in handles:
            handle.remove()
        ps, doubts = [], []
        for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
            judge = copy.deepcopy(unet).eval()
            for m, (mean, var) in zip(norms(judge), seen, strict=True):
                m.running_mean.lerp_(mean, share)
                m.running_var.lerp_(var, share)
            with torch.no_grad():
                p = judge(image[None]).softmax(1)[0]
            h, marked = -(p * p.log()).sum(0), p.argmax(0) != 0
            both = 0 < marked.float().mean() < 1
            doubts.append(float((h[marked].mean() + h[~marked].mean()) / 2 if both else h.mean()))
            ps.append(p)
        surest = torch.tensor([-d for d in doubts])
        weight = ((surest - surest.min()) / (surest.max() - surest.min())).softmax(0)
        expected = sum(w * p for w, p in zip(weight, ps, strict=True))
        torch.testing.assert_close(given[i], expected, rtol=1e-3, atol=1e-5)


def test_a_prompt_of_ones_changes_nothing_and_touches_low_frequencies_alone():
    image = torch.randn(1, 2, 32, 24, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(prompted(image, torch.ones(1, 2, 3, 3)), image, rtol=1e-4, atol=1e-5)
    # The lowest frequency is the mean.
    brighter = prompted(image, torch.full((1, 2, 1, 1), 2.0))
    mean = image.mean((2, 3), keepdim=True).expand_as(image)
    torch.testing.assert_close(brighter - image, mean, rtol=1e-3, atol=1e-5)
    assert low_frequencies(image).shape == (2,)


def test_vptta_brings_the_statistics_of_a_shifted_image_nearer(unet, batches):
    shifted = [batch * 1.5 + 2.0 for batch in batches]
    network = adapt(unet, shifted, preset("vptta")).finish()
    assert isinstance(network, PromptedNetwork)
    image = shifted[0][:1]
    plain = network._segment(image, [])[1]
    with torch.inference_mode():
        output = network(image)
    fitted = network._segment(prompted(image, network._fitted(image)), [])[1]
    assert fitted < plain
    assert output.shape == (1, 3, 32, 32)
    torch.testing.assert_close(network(image), network(image), rtol=0, atol=0)
    for ours, source in zip(norms(network), norms(unet), strict=True):
        assert torch.equal(ours.running_mean, source.running_mean)


@pytest.mark.parametrize("name", ["sar", "grata"])
def test_a_rival_resumes_to_the_same_bits(unet, batches, name):
    config = preset(name, iterations=6)
    whole = [s.l_se for s in adapt(unet, batches, config)]
    half = adapt(unet, batches, config)
    for _ in range(3):
        next(half)
    rest = adapt(unet, batches, config)
    rest.load_state_dict(half.state_dict())
    assert [s.l_se for s in rest] == whole[3:]
