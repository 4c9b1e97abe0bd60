"""One slice as the network sees it at some moment: its mask, and what one channel makes of it."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_osuda.errors import ModelError
from napari_osuda.imaging import SliceStack
from napari_osuda.method import NormLayer
from napari_osuda.method.computing.arithmetic import Precision, output_of
from napari_osuda.method.normalization import BatchNormCall, InterceptBatchNorm
from napari_osuda.models import ModelCard, SourceModel, decide
from napari_osuda.session.inference.devices import placed
from napari_osuda.session.inference.mirror import averaged
from napari_osuda.session.inference.prediction import returned
from napari_osuda.session.job import Labels
from napari_osuda.session.run_folder.timeline import NetworkState, network_at

__all__ = ["Preview", "Previewer", "can_preview"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Preview:
    """The mask of one slice of a case after some iterations.

    Attributes
    ----------
    case, index : int
        Which slice, numbered as in the case's `SliceStack`.
    iteration : int
        After how many iterations.
    labels : uint8 array [H, W]
        In the case's own voxels, the axes those of the stack.
    seconds : float
        What it took.
    """

    case: int
    index: int
    iteration: int
    labels: Labels
    seconds: float = 0.0


def can_preview(card: ModelCard) -> bool:
    """Whether the network sees slices: one of a volume alone would take as long as the whole."""
    return card.spatial_dims == 2


class Previewer:
    """Shows slices in past states, by a copy of the source model that it keeps.

    Parameters
    ----------
    model : SourceModel
        Left as it is.
    stacks : sequence of SliceStack
        The cases as the adapted network sees them.
    device : torch.device or str
        Where the copy lives.
    card : ModelCard, optional
        Of the adapted model: by it the masks are made, averaged with those of the mirror image or not. The
        source model's by default.
    precision : {"auto", "float32", "bfloat16"}
        Of the network's arithmetic.

    Notes
    -----
    Statistics at inference are gathered over the whole target, which takes as long as segmenting it. A
    preview takes those of the state's batch in their place, mixed with the source's in the same proportion:
    each batch runs through the whole head, so the two are near each other.
    """

    def __init__(
        self,
        model: SourceModel,
        stacks: tuple[SliceStack, ...],
        device: torch.device | str = "cpu",
        card: ModelCard | None = None,
        precision: Precision = "auto",
    ) -> None:
        self.model = model
        self._card = card or model.card
        self.stacks = stacks
        self._device, self._precision = torch.device(device), precision
        self._network: nn.Module | None = None
        self._lock = threading.Lock()

    def labels(self, state: NetworkState | None, case: int, index: int) -> Labels:
        """The mask of a slice, uint8 [H, W] in the case's voxels; of the source model without a state."""
        stack, card = self.stacks[case], self._card if state is not None else self.model.card
        with self._lock:
            network, x = averaged(self._prepared(state), card), self._slice(case, index)
            with torch.inference_mode():
                p = returned(stack, np.array([index]), output_of(network, x), card)
        labels: Labels = decide(p, card)[0]
        return labels

    def activation(
        self, state: NetworkState | None, case: int, index: int, layer: NormLayer, channel: int
    ) -> FloatArray:
        """What a channel of a BN layer gives out (y of eq. 1) for a slice.

        Returns
        -------
        float32 array [H, W]
            Interpolated to the case's voxels; its least value outside the network's field of view.

        Raises
        ------
        ModelError
            The network does not name the layer's buffers.
        """
        stack = self.stacks[case]
        with self._lock:
            caught = _Catch(self._prepared(state), layer)
            with torch.no_grad(), InterceptBatchNorm(caught), contextlib.suppress(_Caught):
                caught.network(self._slice(case, index))
        assert caught.output is not None
        y = caught.output[:, channel : channel + 1].float()
        y = F.interpolate(y, size=stack.shape, mode="bilinear", align_corners=False)
        plane: FloatArray = stack.inverse([index], y.cpu().numpy(), [float(y.min())])[0, 0]
        return plane

    def _slice(self, case: int, index: int) -> Tensor:
        return torch.from_numpy(self.stacks[case].slices([index])).to(self._device)

    def _prepared(self, state: NetworkState | None) -> nn.Module:
        if self._network is None:
            self._network = placed(
                self.model.network, self._device, self.stacks[0], self._precision
            ).requires_grad_(False)
        state = state or NetworkState(0, {}, {}, 1.0, 1.0)
        return network_at(state, self.model.network, into=self._network, share=state.source_share)


class _Caught(Exception):
    """Ends a forward pass at the layer whose output is wanted."""


class _Catch:
    """Carries out the batch normalizations of a plain network, and keeps the output of one layer."""

    def __init__(self, network: nn.Module, layer: NormLayer) -> None:
        self.network = network
        self.output: Tensor | None = None
        buffers = dict(network.named_buffers(remove_duplicate=False))
        wanted = buffers.get(f"{layer.name}.running_mean")
        if wanted is None:
            raise ModelError(f"The layer {layer.name} cannot be looked into: its buffers have other names.")
        self._wanted = wanted

    def __call__(self, call: BatchNormCall) -> None:
        if call.running_mean is not self._wanted:
            return
        self.output = F.batch_norm(
            call.x, call.running_mean, call.running_var, call.weight, call.bias, False, 0.0, call.eps
        )
        raise _Caught
