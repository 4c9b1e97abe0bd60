"""A network over large images in windows, as MONAI or nnU-Net does it, which a run can stop."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from napari_osuda.errors import ModelError
from napari_osuda.method.computing.arithmetic import output_of

__all__ = ["OVERLAP", "Blended", "SlidingWindow", "patches_a_batch", "require_monai", "slide", "windows"]

OVERLAP = 0.5
# Where four predictions are compared and none is kept, a third of the windows does.
_SPARSE = 0.25
_SIGMA_SCALE = 0.125
# Logits that half precision sums with these weights over 16 windows; nnU-Net refuses what it does not.
_MOST_HALF = 400.0
# Voxels of patches that go through the network together; of 128 x 128 x 128 it is one.
_VOXELS = 2**21

Window = tuple[slice, ...]
Windows = Literal["gaussian", "constant", "even"]
"""How windows are placed and weighed; see `ModelCard.windows`."""


class Blended(NamedTuple):
    """What a network makes of images.

    Attributes
    ----------
    output : float32 Tensor [B, K, D, H, W] or [B, K, H, W]
        Not probabilities; 0 where no window was.
    seen : bool Tensor [D, H, W] or [H, W]
        Where a window was.
    """

    output: Tensor
    seen: Tensor


def require_monai() -> None:
    """Whether the sliding window is there, without importing it.

    Raises
    ------
    ModelError
        It is not; the sentence gives the command.
    """
    if importlib.util.find_spec("monai") is None:
        raise ModelError(
            "A 3-D network goes over a volume by MONAI's sliding window, and MONAI is not installed: "
            "pip install 'napari-osuda[monai]'"
        )


def patches_a_batch(patch: Sequence[int], most: int) -> int:
    """How many patches go through the network together: ``most``, or what memory usually allows."""
    return max(1, min(most, _VOXELS // int(np.prod(patch))))


def windows(
    shape: Sequence[int],
    patch: Sequence[int],
    head: NDArray[np.bool_] | None = None,
    overlap: float = OVERLAP,
    how: Windows = "gaussian",
) -> list[Window]:
    """The windows of a volume, in order.

    Parameters
    ----------
    shape, patch : sequence of int
        Of the volume and of a window, which is no larger.
    head : bool array of the shape, optional
        Windows without any voxel of it are left out. No voxel of the head is in one of those, so what the
        network says of it stays the same.
    overlap : float
        Share of a window that the next one sees too.
    how : {"gaussian", "constant", "even"}
        As MONAI places them, each as far from the one before; or spread evenly, as nnU-Net does.
    """
    require_monai()
    if how == "even":
        starts = [_even(n, edge, overlap) for n, edge in zip(shape, patch, strict=True)]
        found = [
            tuple(slice(s, s + edge) for s, edge in zip(start, patch, strict=True))
            for start in product(*starts)
        ]
    else:
        from monai.data.utils import dense_patch_slices

        steps = [
            edge if n == edge else max(1, int(edge * (1 - overlap)))
            for n, edge in zip(shape, patch, strict=True)
        ]
        found = dense_patch_slices(shape, patch, steps)
    return found if head is None else [window for window in found if head[window].any()]


def _even(length: int, edge: int, overlap: float) -> list[int]:
    """Where windows of an axis begin: as few as overlap by no less, at equal distances."""
    more = math.ceil((length - edge) / (edge * (1 - overlap)))
    return [round((length - edge) / more * i) for i in range(more + 1)] if more else [0]


def _weights(patch: Sequence[int], how: Windows) -> Tensor:
    """What each voxel of a window counts where windows overlap: of its shape; float16 for "even"."""
    if how != "even":
        from monai.data.utils import compute_importance_map

        return compute_importance_map(tuple(patch), mode=how, sigma_scale=_SIGMA_SCALE)
    point = np.zeros(patch)
    point[tuple(n // 2 for n in patch)] = 1
    blurred = ndimage.gaussian_filter(point, [n * _SIGMA_SCALE for n in patch], mode="constant")
    # In half precision the corners of a window are 0.
    halved = (blurred / (blurred.max() / 10)).astype(np.float16)
    halved[halved == 0] = halved[halved > 0].min()
    return torch.from_numpy(halved)


def _in_all_images(window: Window) -> Any:
    """The window in all images and channels."""
    return (slice(None), slice(None), *window)


@torch.inference_mode()
def slide(
    network: nn.Module,
    images: Tensor,
    patch: Sequence[int],
    head: NDArray[np.bool_] | None = None,
    overlap: float = OVERLAP,
    how: Windows = "gaussian",
) -> Iterator[tuple[int, int] | Blended]:
    """Run a network over volumes or slices in overlapping windows, whose outputs are averaged by weight.

    Wherever there is head it is what ``monai.inferers.sliding_window_inference`` gives with the same overlap
    and mode, or nnU-Net's predictor for "even".

    Parameters
    ----------
    network : nn.Module
        In eval mode, on the device that is to do the work.
    images : Tensor [B, C, D, H, W] or [B, C, H, W]
        On the CPU.
    patch : sequence of int
        Size of a window.
    head : bool array [D, H, W] or [H, W], optional
    overlap : float
    how : {"gaussian", "constant", "even"}
        See `windows`; weights are alike or a Gaussian.

    Yields
    ------
    tuple of int, then Blended
        Windows done and in all; at the end the whole, on the CPU.
    """
    chosen = windows(images.shape[2:], patch, head, overlap, how)
    weight = _weights(patch, how)
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    total: Tensor | None = None
    # nnU-Net sums in half precision, and the corners of an image are rounded by that.
    weights = torch.zeros(images.shape[2:], dtype=weight.dtype)
    together = max(1, patches_a_batch(patch, len(chosen)) // len(images))
    for first in range(0, len(chosen), together):
        batch = chosen[first : first + together]
        parts = torch.cat([images[_in_all_images(window)] for window in batch])
        output = output_of(network, parts.to(device)).float().cpu()
        if total is None:
            total = torch.zeros((len(images), output.shape[1], *images.shape[2:]), dtype=weight.dtype)
        if total.dtype == torch.float16 and not float(output.abs().max()) < _MOST_HALF:
            total, weights = total.float(), weights.float()
        for window, seen in zip(batch, output.chunk(len(batch)), strict=True):
            total[_in_all_images(window)] += seen * weight
            weights[window] += weight
        yield first + len(batch), len(chosen)
    if total is None:
        raise ModelError("There is no head in the image, so there is nothing to segment.")
    seen = weights > 0
    weights[~seen] = 1
    yield Blended(total.div_(weights).float(), seen)


class SlidingWindow(nn.Module):
    """A network as one that takes larger images, in windows.

    Parameters
    ----------
    network : nn.Module
    patch : sequence of int
        Size of a window.
    overlap : float
    how : {"gaussian", "constant", "even"}
        See `windows`.
    held : sequence of int, optional
        The part of an image, from its first voxel on, that is gone over; the output for the rest is 0.
    """

    def __init__(
        self,
        network: nn.Module,
        patch: Sequence[int],
        overlap: float = _SPARSE,
        how: Windows = "gaussian",
        held: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self._patch = tuple(patch)
        self._overlap, self._how = overlap, how
        self._held = held

    def forward(self, images: Tensor) -> Tensor:
        """The blended output for images [B, C, ...], on the CPU."""
        held = images.shape[2:] if self._held is None else self._held
        part = images.cpu()[_in_all_images(tuple(slice(n) for n in held))]
        *_, blended = slide(self.network, part, self._patch, overlap=self._overlap, how=self._how)
        assert isinstance(blended, Blended)
        added = [n - m for n, m in zip(images.shape[:1:-1], part.shape[:1:-1], strict=True)]
        return nn.functional.pad(blended.output, [n for more in added for n in (0, more)])
