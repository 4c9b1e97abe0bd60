from __future__ import annotations

import torch
from rival_parts import norms

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
