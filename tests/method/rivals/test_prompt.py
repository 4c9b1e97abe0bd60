from __future__ import annotations

import itertools
import math

import pytest
import torch
from rival_parts import OtherNorm, norms
from torch import nn

from napari_osuda.method import adapt, preset
from napari_osuda.method.rivals.prompt import PromptedNetwork, low_frequencies, prompted


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


def _brought(image: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
    """Frequencies 0 and, of the longer axis, also -1, by their places in an unshifted spectrum."""
    factor = torch.ones_like(image)
    factor[..., 0, 0], factor[..., 0, -1] = prompt[..., 0, 1], prompt[..., 0, 0]
    return torch.fft.ifft2(torch.fft.fft2(image) * factor).real


def _key(image: torch.Tensor) -> torch.Tensor:
    spectrum = torch.fft.fft2(image).abs()
    return torch.stack((spectrum[0, :, 0, -1], spectrum[0, :, 0, 0]), dim=1).flatten()


def _warmed(layers: nn.Sequential, image: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    share, losses, x = 1 / (math.sqrt(count) / 5 + 1), [], image
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            m = (1 - share) * layer.running_mean + share * mean.detach()
            v = (1 - share) * layer.running_var + share * var.detach()
            losses.append((m - mean).abs().mean() + (v.sqrt() - (var + layer.eps).sqrt()).abs().mean())
            wide = (1, -1, 1, 1)
            x = (x - m.view(wide)) / (v + layer.eps).sqrt().view(wide) * layer.weight.view(wide)
            x = x + layer.bias.view(wide)
        else:
            x = layer(x)
    return x, sum(losses) / len(losses)


def test_vptta_fits_one_step_from_the_prompts_of_the_likest_images_remembered():
    """Written once more from the paper, over more images than the memory holds, in float64."""
    torch.manual_seed(3)
    parts = (
        nn.BatchNorm2d(2, eps=0.3),
        nn.Conv2d(2, 3, 1),
        nn.BatchNorm2d(3),
        OtherNorm(3),
        nn.Conv2d(3, 2, 1),
    )
    layers = nn.Sequential(*parts).double().eval()
    with torch.no_grad():
        for layer in (parts[0], parts[2]):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2.0)
            layer.weight.uniform_(0.5, 2.0)
            layer.bias.normal_()
    # One row and two columns are low frequencies.
    level, slope = torch.randn(2, 43, 2, 1, 1).double()
    x = torch.randn(43, 2, 8, 205).double() + 3 * level + slope * torch.linspace(-1, 1, 205).double()
    # The likest of all has been forgotten.
    x[42] = 1.001 * x[1]
    keys: list[torch.Tensor] = []
    prompts: list[torch.Tensor] = []

    def fitted(image: torch.Tensor, count: int) -> torch.Tensor:
        start = torch.ones(1, 2, 1, 2, dtype=torch.float64)
        if len(keys) >= 16:
            known, key = torch.stack(keys[-40:]), _key(image)
            likeness = (known @ key) / (known.norm(dim=1) * key.norm())
            nearest = likeness.argsort(descending=True)[:16]
            weight = (likeness[nearest] / 0.2).exp()
            start = (
                sum(w * prompts[-40:][i] for w, i in zip(weight, nearest.tolist(), strict=True))
                / weight.sum()
            )
        start.requires_grad_()
        (slope,) = torch.autograd.grad(_warmed(layers, _brought(image, start), count)[1], start)
        return (start - 0.05 * slope / (slope.abs() + 1e-8)).detach()

    for count, image in enumerate(x[:42], start=1):
        # What this image has is not in the memory yet.
        prompt = fitted(image[None], count)
        prompts.append(prompt)
        keys.append(_key(image[None]))
    network = PromptedNetwork(layers, [x[:20], x[20:42]])
    for image in (x[42:], x[41:42]):
        expected = _warmed(layers, _brought(image, fitted(image, 42)), 42)[0]
        torch.testing.assert_close(network(image), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(low_frequencies(x[:1]), _key(x[:1]))


def test_before_the_memory_has_sixteen_images_a_prompt_begins_at_ones():
    layers = nn.Sequential(nn.BatchNorm2d(1)).double().eval()
    x = torch.randn(17, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) + 1
    for count, begins_at_ones in ((15, True), (16, False)):
        network = PromptedNetwork(layers, [x[:count]])
        image = x[16:]
        # One step from ones is 0.95 or 1.05; from a mean of such steps it is anything else.
        factor = float(network._fitted(image))
        assert (abs(abs(factor - 1) - 0.05) < 1e-6) == begins_at_ones


@pytest.mark.parametrize("size", [(12, 15), (9, 8), (6, 7, 10)])
def test_a_prompt_stands_around_the_frequency_zero_of_each_axis(size):
    image = torch.randn(1, 2, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    edges = (1, 4, 5)[-len(size) :]
    prompt = torch.rand(1, 2, *edges, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    factor = torch.ones_like(image)
    for place in itertools.product(*(range(edge) for edge in edges)):
        # Of 5: -2 to 2; of 4: -2 to 1.
        frequency = tuple(k - edge // 2 for k, edge in zip(place, edges, strict=True))
        factor[(slice(None), slice(None), *frequency)] = prompt[(slice(None), slice(None), *place)]
    axes = tuple(range(2, image.dim()))
    expected = torch.fft.ifftn(torch.fft.fftn(image, dim=axes) * factor, dim=axes).real
    torch.testing.assert_close(prompted(image, prompt), expected)
