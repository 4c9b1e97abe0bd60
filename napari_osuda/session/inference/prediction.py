"""A network's masks of a case: slices in, probabilities out, labels back in the case's own voxels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from napari_osuda.imaging import SliceStack
from napari_osuda.method import main_output, probabilities
from napari_osuda.models import ModelCard, decide
from napari_osuda.session.inference.mirror import averaged
from napari_osuda.session.inference.sliding_window import OVERLAP, Blended, SlidingWindow, slide
from napari_osuda.session.job import Labels

__all__ = ["predicted"]

_BATCH = 16


@torch.inference_mode()
def predicted(
    network: nn.Module,
    stack: SliceStack,
    card: ModelCard,
    batch_size: int = _BATCH,
    watch: Callable[[npt.NDArray[np.intp], npt.NDArray[np.float32]], None] | None = None,
) -> Iterator[Labels | tuple[int, int]]:
    """Segment a case, giving parts done and in all (slices, or windows of a volume); the labels at the end.

    Parameters
    ----------
    network : nn.Module
        In eval mode, on the device that is to do the work.
    stack : SliceStack
        The case as the network sees it; slices without any voxel of it are background.
    card : ModelCard
        What the output means.
    watch : callable, optional
        Called with the numbers of slices [B] and their probabilities [B, K, H, W], in the case's own voxels.

    Yields
    ------
    tuple of int, then uint8 array [I, J, K]
        In the case's own array order.
    """
    network, planes = averaged(network, card), dict[int, Labels]()
    for chosen, output, seen, done in _outputs(network, stack, batch_size):
        if output is not None:
            p = probabilities(output, card.activation).float().cpu().numpy()
            outside = np.zeros(p.shape[1], np.float32)
            if card.channel_values[0] == 0:
                outside[0] = 1.0
            if seen is not None:
                p[:, :, ~seen.numpy()] = outside[:, None]
            p = stack.inverse(chosen, p, outside)
            if watch is not None:
                watch(chosen, p)
            planes.update(zip(chosen.tolist(), decide(p, card), strict=True))
        yield done
    yield stack.assemble(planes)


_Part = tuple[npt.NDArray[np.intp], Tensor | None, Tensor | None, tuple[int, int]]


def _outputs(network: nn.Module, stack: SliceStack, batch_size: int) -> Iterator[_Part]:
    """Which slices, the output for them and where it is one (None: everywhere, or not yet), what is done."""
    indices = np.flatnonzero(stack.foreground)
    if stack.patch is not None:
        done = (0, 1)
        for part in slide(network, torch.from_numpy(stack.slices([0])), stack.patch, stack.head):
            if isinstance(part, Blended):
                yield indices, part.output, part.seen, done
            else:
                done = part
                yield indices, None, None, done
        return
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    if stack.window is not None:
        network = SlidingWindow(network, stack.window, OVERLAP)
    for start in range(0, len(indices), batch_size):
        chosen = indices[start : start + batch_size]
        output = main_output(network(torch.from_numpy(stack.slices(chosen)).to(device)))
        yield chosen, output, None, (min(start + batch_size, len(indices)), len(indices))
