"""A network over images larger than it was trained on: MONAI's sliding window, which a run can stop."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.errors import ModelError
from napari_osuda.method import main_output

__all__ = ["OVERLAP", "Blended", "SlidingWindow", "patches_a_batch", "require_monai", "slide", "windows"]

OVERLAP = 0.5
# Where four predictions are compared and none is kept, a third of the windows does.
_SPARSE = 0.25
_SIGMA_SCALE = 0.125
# Voxels of patches that go through the network together; of 128 x 128 x 128 it is one.
_VOXELS = 2**21

Window = tuple[slice, ...]


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
    """
    require_monai()
    from monai.data.utils import dense_patch_slices

    steps = [
        edge if n == edge else max(1, int(edge * (1 - overlap))) for n, edge in zip(shape, patch, strict=True)
    ]
    found: list[Window] = dense_patch_slices(shape, patch, steps)
    return found if head is None else [window for window in found if head[window].any()]


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
) -> Iterator[tuple[int, int] | Blended]:
    """Run a network over volumes or slices in overlapping windows, blended by a Gaussian.

    Wherever there is head it is what ``monai.inferers.sliding_window_inference(..., mode="gaussian")`` gives
    with the same overlap.

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
        See `windows`.

    Yields
    ------
    tuple of int, then Blended
        Windows done and in all; at the end the whole, on the CPU.
    """
    chosen = windows(images.shape[2:], patch, head, overlap)
    from monai.data.utils import compute_importance_map

    weight = compute_importance_map(tuple(patch), mode="gaussian", sigma_scale=_SIGMA_SCALE)
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    total: Tensor | None = None
    weights = torch.zeros(images.shape[2:])
    together = max(1, patches_a_batch(patch, len(chosen)) // len(images))
    for first in range(0, len(chosen), together):
        batch = chosen[first : first + together]
        parts = torch.cat([images[_in_all_images(window)] for window in batch])
        output = main_output(network(parts.to(device))).float().cpu()
        if total is None:
            total = torch.zeros((len(images), output.shape[1], *images.shape[2:]))
        for window, seen in zip(batch, output.chunk(len(batch)), strict=True):
            total[_in_all_images(window)] += seen * weight
            weights[window] += weight
        yield first + len(batch), len(chosen)
    if total is None:
        raise ModelError("There is no head in the image, so there is nothing to segment.")
    seen = weights > 0
    yield Blended(total.div_(weights.clamp_(min=1e-6)), seen)


class SlidingWindow(nn.Module):
    """A network as one that takes larger images, in windows.

    Parameters
    ----------
    network : nn.Module
    patch : sequence of int
        Size of a window.
    overlap : float
        Share of a window that the next one sees too.
    """

    def __init__(self, network: nn.Module, patch: Sequence[int], overlap: float = _SPARSE) -> None:
        super().__init__()
        self.network = network
        self._patch = tuple(patch)
        self._overlap = overlap

    def forward(self, images: Tensor) -> Tensor:
        """The blended output for images [B, C, ...], on the CPU."""
        *_, blended = slide(self.network, images.cpu(), self._patch, overlap=self._overlap)
        assert isinstance(blended, Blended)
        return blended.output
