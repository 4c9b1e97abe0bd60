"""VPTTA: a factor on each image's low frequencies, fitted so that the network's statistics are met.

Chen et al., Each Test Image Deserves A Specific Prompt: Continual Test-Time Adaptation for 2D Medical Image
Segmentation, CVPR 2024. The network stays as it is; what comes of it is no single network: see `Wrapped`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_osuda.method.normalization import BatchNormCall, InterceptBatchNorm, mix
from napari_osuda.method.outputs import main_output
from napari_osuda.method.rivals.wrapped import Wrapped

__all__ = ["PromptedNetwork", "low_frequencies", "prompted"]

# As published for the optic disc: share of the image's size, memory, neighbors, their temperature, the step,
# and after how many images the target's statistics weigh half.
_SHARE, _MEMORY, _NEIGHBORS, _TEMPERATURE, _STEP, _WARM = 0.01, 40, 16, 0.2, 0.05, 5


def _edges(image: Tensor) -> list[int]:
    return [max(int(size * _SHARE), 1) for size in image.shape[2:]]


def prompted(image: Tensor, prompt: Tensor) -> Tensor:
    """An image with the amplitudes of its lowest frequencies multiplied, its phases kept.

    Parameters
    ----------
    image : Tensor, shape [1, C, ...]
    prompt : Tensor, shape [1, C, ...]
        Of the lowest frequencies; the rest stays.

    Returns
    -------
    Tensor, shape of ``image``
    """
    axes = tuple(range(2, image.dim()))
    spectrum = torch.fft.fftshift(torch.fft.fftn(image, dim=axes), dim=axes)
    padding: list[int] = []
    for size, edge in zip(reversed(image.shape[2:]), reversed(prompt.shape[2:]), strict=True):
        start = size // 2 - edge // 2
        padding += [start, size - start - edge]
    factor = F.pad(prompt, padding, value=1.0)
    changed: Tensor = torch.fft.ifftn(torch.fft.ifftshift(spectrum * factor, dim=axes), dim=axes).real
    return changed


def low_frequencies(image: Tensor) -> Tensor:
    """Amplitudes of an image's lowest frequencies, flat: by which the memory is asked."""
    axes = tuple(range(2, image.dim()))
    spectrum: Tensor = torch.fft.fftshift(torch.fft.fftn(image, dim=axes), dim=axes).abs()
    for axis, edge in zip(axes, _edges(image), strict=True):
        spectrum = spectrum.narrow(axis, image.shape[axis] // 2 - edge // 2, edge)
    return spectrum.flatten()


class PromptedNetwork(Wrapped):
    """A network that fits a prompt to each image before it segments it.

    Parameters
    ----------
    network : nn.Module
        The source network, in eval mode.
    target : iterable of Tensor
        The images, gone through once in their order to fill the memory. It stays as it is afterwards, so that
        a prediction does not depend on those before it (as published, it would go on growing).
    """

    def __init__(self, network: nn.Module, target: Iterable[Tensor]) -> None:
        super().__init__(network)
        self._keys: deque[Tensor] = deque(maxlen=_MEMORY)
        self._prompts: deque[Tensor] = deque(maxlen=_MEMORY)
        self._count = 0
        device = next((p.device for p in network.parameters()), torch.device("cpu"))
        for batch in target:
            for image in batch.to(device):
                self._count += 1
                prompt = self._fitted(image[None])
                self._keys.append(low_frequencies(image[None]))
                self._prompts.append(prompt)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, ...] to outputs [B, K, ...]."""
        found = []
        for image in x:
            with torch.inference_mode(False):
                # A copy that a gradient may go through, also where the caller wants none.
                plain = image[None].clone()
                prompt = self._fitted(plain)
            found.append(self._segment(prompted(image[None], prompt), None)[0])
        return torch.cat(found)

    @torch.enable_grad()
    def _fitted(self, image: Tensor) -> Tensor:
        """One step from where similar images' prompts are, down the distance of the statistics."""
        prompt = self._beginning(image).requires_grad_()
        _, loss = self._segment(prompted(image, prompt), [])
        (slope,) = torch.autograd.grad(loss, prompt)
        # The first step of Adam goes by the sign of the gradient.
        return (prompt - _STEP * slope / (slope.abs() + 1e-8)).detach()

    def _beginning(self, image: Tensor) -> Tensor:
        shape = (1, image.shape[1], *_edges(image))
        if len(self._keys) < _NEIGHBORS:
            return torch.ones(shape, dtype=image.dtype, device=image.device)
        keys, key = torch.stack(list(self._keys)), low_frequencies(image)
        likeness = F.cosine_similarity(keys, key[None], dim=1)
        nearest = likeness.topk(_NEIGHBORS)
        weight = torch.softmax(nearest.values / _TEMPERATURE, dim=0)
        prompts = torch.stack([self._prompts[int(i)] for i in nearest.indices])
        return (prompts * weight.view(-1, *(1,) * (prompts.dim() - 1))).sum(dim=0).detach()

    def _segment(self, image: Tensor, losses: list[Tensor] | None) -> tuple[Tensor, Tensor]:
        """The output on statistics warmed up by the image's, and how far those are from the image's own."""
        known, share = self.stored_means, 1.0 / (math.sqrt(self._count) / _WARM + 1.0)

        def carry_out(call: BatchNormCall) -> Tensor | None:
            if call.running_mean is None or call.running_var is None or id(call.running_mean) not in known:
                return None
            dims = [d for d in range(call.x.dim()) if d != 1]
            var, mean = torch.var_mean(call.x, dim=dims, correction=0)
            mean_now = mix(call.running_mean, mean.detach(), 1.0 - share)
            var_now = mix(call.running_var, var.detach(), 1.0 - share)
            if losses is not None:
                spread = (var + call.eps).sqrt()
                losses.append((mean_now - mean).abs().mean() + (var_now.sqrt() - spread).abs().mean())
            return F.batch_norm(call.x, mean_now, var_now, call.weight, call.bias, False, 0.0, call.eps)

        with InterceptBatchNorm(carry_out):
            output = main_output(self.network(image))
        return output, torch.stack(losses).mean() if losses else output.new_zeros(())
