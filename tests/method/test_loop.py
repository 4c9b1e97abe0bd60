"""What must hold of the method, against a reference written straight from the equations."""

from __future__ import annotations

import copy

import method_reference as reference
import numpy as np
import pytest
import torch
from rival_parts import norms
from torch import nn

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.method import AdaptationConfig, adapt, preset, schedules, self_entropy
from napari_osuda.method.computing.distributed import Processes
from napari_osuda.method.layers import bind_layers
from napari_osuda.method.normalization import BatchNormCall, InterceptBatchNorm, mixed_batch_norm


def output_at(model: nn.Module, x: torch.Tensor, eta: float) -> torch.Tensor:
    """The network's output under eq. 3 with a given share of the source."""

    def carry_out(call: BatchNormCall) -> torch.Tensor:
        return mixed_batch_norm(call, eta)[0]

    with InterceptBatchNorm(carry_out):
        return model(x)


def test_source_share_of_one_is_the_source_model_to_the_bit(unet, batches):
    assert torch.equal(output_at(unet, batches[0], 1.0), unet(batches[0]))


def test_source_share_of_zero_is_the_model_in_train_mode(unet, batches):
    trained = copy.deepcopy(unet).train()
    torch.testing.assert_close(output_at(unet, batches[0], 0.0), trained(batches[0]), rtol=1e-4, atol=1e-5)


def test_first_step_reports_the_entropy_of_the_source_model(unet, batches):
    first = next(adapt(unet, batches, AdaptationConfig(eta0=1.0)))
    assert first.l_se == pytest.approx(reference.softmax_entropy(unet(batches[0])), rel=1e-5)
    assert first.l_hbs == 0.0
    assert first.distance.max() == 0.0


@pytest.mark.parametrize("parameters", ["all", "affine"])
@pytest.mark.parametrize("hbs", ["sum", "proximal"])
def test_without_entropy_no_parameter_moves_at_all(unet, batches, parameters, hbs):
    config = AdaptationConfig(iterations=4, lambda0=0.0, parameters=parameters, hbs=hbs, learning_rate=0.1)
    adaptation = adapt(unet, batches, config)
    list(adaptation)
    for (name, before), after in zip(unet.named_parameters(), adaptation.model.parameters(), strict=True):
        assert torch.equal(before, after), name


def test_osuda_se_replaces_the_statistics_and_nothing_else(unet, batches):
    adaptation = adapt(unet, batches, preset("osuda-se", iterations=3, inference_statistics="target"))
    list(adaptation)
    adabn = adapt(unet, batches, preset("adabn"))
    list(adabn)
    for (name, ours), theirs in zip(
        adaptation.model.state_dict().items(), adabn.model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), name


@pytest.mark.parametrize("t", [0, 1, 4])
def test_distances_and_alpha_equal_the_float64_reference_in_every_layer(unet, batches, t):
    config = AdaptationConfig(iterations=9, entropy=False, tau=3.0)
    steps = [step for _, step in zip(range(t + 1), adapt(unet, [batches[0]], config), strict=False)]
    share = reference.eta(t, 1.0, 3.0)
    judge = reference.with_mixed_norms(copy.deepcopy(unet).double(), share)
    judge(batches[0].double())
    expected = torch.cat([m.d for m in judge.modules() if isinstance(m, reference.Mixed)])
    # The U-Net registers its layers in the order of execution, which is the report's order.
    np.testing.assert_allclose(steps[t].distance, expected.numpy(), rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(steps[t].alpha, reference.transferability(expected).numpy(), rtol=1e-5)
    assert steps[t].alpha.mean() == pytest.approx(1.0, abs=1e-6)


def test_gradient_is_exact(unet, batches):
    """Against autograd through the reference's formula, for the input and for every parameter."""
    x = batches[0][:2].double().requires_grad_()
    model = copy.deepcopy(unet).double()
    judge = reference.with_mixed_norms(copy.deepcopy(model), 0.3)
    ours = torch.autograd.grad(self_entropy(output_at(model, x, 0.3), "softmax"), [x, *model.parameters()])
    theirs = torch.autograd.grad(self_entropy(judge(x), "softmax"), [x, *judge.parameters()])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-12)


def test_detached_statistics_stop_the_gradient(unet, batches):
    x = batches[0][:1].clone().requires_grad_()

    def frozen(call: BatchNormCall) -> torch.Tensor:
        return mixed_batch_norm(call, 0.0, detach=True)[0]

    with InterceptBatchNorm(frozen):
        (detached,) = torch.autograd.grad(unet(x).sum(), x)
    (flowing,) = torch.autograd.grad(output_at(unet, x, 0.0).sum(), x)
    assert (detached - flowing).abs().max() > 1e-4


@pytest.mark.parametrize("parameters", ["all", "affine"])
def test_one_entropy_step_lowers_the_entropy_of_its_batch(unet, batches, parameters):
    config = AdaptationConfig(
        iterations=2, parameters=parameters, hbs="off", eta0=1.0, tau=1e9, learning_rate=1e-3, optimizer="sgd"
    )
    first, second = adapt(unet, [batches[0]], config)
    assert second.l_se < first.l_se


def test_the_loss_is_what_its_parts_say(unet, batches):
    config = AdaptationConfig(iterations=4, learning_rate=1e-2)
    adaptation = adapt(unet, batches, config)
    source = torch.cat([b.weight for b in bind_layers(unet, batches[0])]).detach().double()
    for step in adaptation:
        assert step.lam == pytest.approx(10.0 * (1 - step.t / 4))
        assert step.loss == pytest.approx(step.l_hbs + step.lam * step.l_se, rel=1e-6)
        gamma = source + torch.from_numpy(step.gamma_shift).double()
        expected = reference.hbs(
            gamma,
            torch.from_numpy(step.beta_shift).double(),
            source,
            torch.zeros_like(source),
            torch.from_numpy(step.alpha).double(),
        )
        assert step.l_hbs == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert step.class_fractions.sum() == pytest.approx(1.0)
    assert step.l_hbs > 0


def test_the_schedules_do_not_depend_on_an_early_stop(unet, batches):
    whole = [(s.eta, s.lam) for s in adapt(unet, batches, AdaptationConfig(iterations=6))]
    stopped = adapt(unet, batches, AdaptationConfig(iterations=6))
    assert [(s.eta, s.lam) for _, s in zip(range(3), stopped, strict=False)] == whole[:3]


def test_same_seed_same_run_bit_for_bit(unet, batches):
    first, second = (adapt(unet, batches, AdaptationConfig(iterations=5)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert (a.l_se, a.l_hbs) == (b.l_se, b.l_hbs)
        np.testing.assert_array_equal(a.distance, b.distance)
    for a, b in zip(first.model.state_dict().values(), second.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_resumed_run_reaches_the_same_bits(unet, batches, tmp_path):
    config = AdaptationConfig(iterations=6, learning_rate=1e-3)
    whole = adapt(unet, batches, config)
    list(whole)
    half = adapt(unet, batches, config)
    for _ in range(4):
        next(half)
    torch.save(half.state_dict(), tmp_path / "state.pt")
    rest = adapt(unet, batches, config)
    rest.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert [s.t for s in rest] == [4, 5]
    for a, b in zip(whole.model.state_dict().values(), rest.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_an_adapted_model_is_a_plain_model_and_the_source_is_untouched(unet, batches):
    before = copy.deepcopy(unet.state_dict())
    next(unet.parameters()).requires_grad_(False)
    adaptation = adapt(unet, batches, AdaptationConfig(iterations=3, learning_rate=1e-2))
    list(adaptation)
    adapted = adaptation.model
    assert type(adapted) is type(unet)
    assert list(adapted.state_dict()) == list(before)
    for key, value in unet.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert not adapted.training
    assert [p.requires_grad for p in adapted.parameters()] == [p.requires_grad for p in unet.parameters()]
    assert all(p.grad is None for p in adapted.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in adapted.modules())
    fresh = copy.deepcopy(unet)
    fresh.load_state_dict(adapted.state_dict())
    assert torch.equal(fresh(batches[0]), adapted(batches[0]))
    assert not torch.equal(fresh(batches[0]), unet(batches[0]))


def test_what_is_finished_stays_so(unet, batches):
    adaptation = adapt(unet, batches, AdaptationConfig(iterations=2))
    next(adaptation)
    first = adaptation.finish()
    before = copy.deepcopy(first.state_dict())
    assert adaptation.finished
    # Neither a second end nor another step changes it.
    assert adaptation.finish() is first
    assert list(adaptation) == []
    assert all(torch.equal(value, before[key]) for key, value in first.state_dict().items())


def test_the_statistics_of_the_last_batch_are_told_by_the_names_of_their_buffers(unet, batches):
    adaptation = adapt(unet, batches, AdaptationConfig(eta0=1.0))
    assert adaptation.batch_statistics() == {}
    next(adaptation)
    found = adaptation.batch_statistics()
    assert set(found) == {name for name in unet.state_dict() if "running" in name}
    first = next(name for name in found if name.endswith("running_mean"))
    trained = copy.deepcopy(unet).train()
    for module in trained.modules():
        module.momentum = 1.0
    trained(batches[0])
    torch.testing.assert_close(found[first], trained.state_dict()[first])


def test_a_weight_of_the_entropy_below_one_counts(unet, batches):
    config = AdaptationConfig(iterations=1, lambda0=0.5, learning_rate=1e-2, hbs="off")
    adaptation = adapt(unet, batches, config)
    list(adaptation)
    moved = [
        not torch.equal(a, b) for a, b in zip(unet.parameters(), adaptation.model.parameters(), strict=True)
    ]
    assert all(moved)


def test_a_variance_of_eps_itself_is_no_dead_channel(unet, batches):
    for layer in bind_layers(unet, batches[0][:1]):
        layer.running_var.fill_(layer.info.eps)
        layer.running_var[0] = 0.0
    first = next(adapt(unet, batches, AdaptationConfig(eta0=1.0)))
    assert first.dead_channels == len(bind_layers(unet, batches[0][:1]))


def test_a_target_of_one_image_without_a_pixel_is_none(unet):
    with pytest.raises(CaseError, match="nothing to adapt to"):
        adapt(unet, [torch.zeros(0, 2, 32, 32)])
    with pytest.raises(CaseError, match="nothing to adapt to"):
        adapt(unet, [])


def test_batches_of_another_size_begin_the_target_anew(unet, batches):
    config = AdaptationConfig(iterations=9, batch_size=4)
    adaptation = adapt(unet, batches, config)
    next(adaptation)
    smaller = [part for batch in batches for part in batch.split(2)]
    adaptation.rebatch(smaller, 2)
    assert adaptation.config.batch_size == 2
    entropy = reference.softmax_entropy(output_at(adaptation.model, smaller[0], next_eta(adaptation)))
    assert next(adaptation).l_se == pytest.approx(entropy, rel=1e-4)


def next_eta(adaptation) -> float:
    """Eq. 3's share of the source in the next step."""
    return schedules.source_share(adaptation.t, adaptation.config)


def test_a_proximal_step_is_the_entropys_and_then_a_shrinkage(unet, batches):
    """gamma_K + sign(s) max(|s| - eta (1 + alpha), 0), where s is the shift that the entropy alone makes."""
    rate = 1e-2
    common = {"iterations": 1, "optimizer": "sgd", "learning_rate": rate, "lambda0": 200.0}
    free = adapt(unet, batches, AdaptationConfig(hbs="off", **common))
    next(free)
    bound = adapt(unet, batches, AdaptationConfig(hbs="proximal", **common))
    allowed = rate * (1 + torch.from_numpy(next(bound).alpha))
    parts = [[m.weight.detach() for m in norms(model)] for model in (unet, free.model, bound.model)]
    source, moved, shrunk = (torch.cat(part) for part in parts)
    shift = moved - source
    expected = source + shift.sign() * (shift.abs() - allowed).clamp_min(0.0)
    torch.testing.assert_close(shrunk, expected, rtol=1e-5, atol=1e-6)
    assert not torch.equal(shrunk, moved)


def test_several_processes_refuse_what_needs_the_whole_batch(unet, batches):
    config = AdaptationConfig(class_ratio=(0.5, 0.3, 0.2))
    with pytest.raises(ConfigError, match="needs the whole batch"):
        adapt(unet, batches, config, processes=Processes(0, 2))


def test_the_literal_sum_pulls_each_scale_and_shift_by_its_weight(unet, batches):
    """The second step with eq. 4 less that without: - eta (1 + alpha) sign(gamma_1 - gamma_K), beta alike."""
    rate = 1e-3
    common = {"iterations": 2, "optimizer": "sgd", "learning_rate": rate, "lambda0": 5.0}
    bound = adapt(unet, batches, AdaptationConfig(hbs="sum", **common))
    free = adapt(unet, batches, AdaptationConfig(hbs="off", **common))
    # At the source eq. 4 pulls nowhere.
    next(bound)
    next(free)
    first = copy.deepcopy(bound.model)
    assert torch.equal(norms(first)[0].weight, norms(free.model)[0].weight)
    alpha = torch.from_numpy(next(bound).alpha)
    next(free)
    for name in ("weight", "bias"):
        source, one, held, off = (
            torch.cat([getattr(m, name).detach() for m in norms(model)])
            for model in (unet, first, bound.model, free.model)
        )
        torch.testing.assert_close(
            held - off, -rate * (1 + alpha) * (one - source).sign(), rtol=1e-2, atol=1e-6
        )


def test_the_gradients_of_all_processes_are_summed_before_the_step(unet, batches):
    class Alike(Processes):
        """As if a second process had found the same."""

        def sum_gradients(self, parameters: list[nn.Parameter]) -> None:
            for parameter in parameters:
                parameter.grad.mul_(2.0)

    moved = []
    for processes in (Processes(), Alike()):
        config = AdaptationConfig(iterations=1, optimizer="sgd", learning_rate=1e-3, hbs="off")
        adaptation = adapt(unet, batches, config, processes=processes)
        next(adaptation)
        moved.append(adaptation.model.head.weight.detach() - unet.head.weight.detach())
    torch.testing.assert_close(moved[1], 2 * moved[0], rtol=1e-3, atol=1e-6)


def test_statistics_that_stay_the_sources_ask_for_no_pass_over_the_target(unet, batches):
    adaptation = adapt(unet, batches, AdaptationConfig(iterations=0, inference_statistics="source"))
    assert adaptation.source_share == 1.0
    assert list(adaptation.finishing()) == []
    mixed = adapt(unet, batches, AdaptationConfig(iterations=0, inference_statistics="mixed"))
    assert list(mixed.finishing())
