"""Views of an image with its axes exchanged, and the network that predicts the mean over them (MuVi)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from napari_osuda.errors import ModelError, out_of_memory
from napari_osuda.method.outputs import main_output
from napari_osuda.method.rivals.wrapped import Wrapped

__all__ = ["AveragedViews", "Map", "of_all_views", "other_views", "unlike_axes"]

Map = Callable[[Tensor], Tensor]


def other_views(dimensions: int) -> tuple[tuple[Map, Map], ...]:
    """Two views of a patch beside itself, each with its inverse.

    Parameters
    ----------
    dimensions : {4, 5}
        Of the batch. Of a volume [B, C, D, H, W] the views are its axes in the orders W, D, H and H, W, D,
        as published. A slice [B, C, H, W] has one other order, W, H. So its second view is a quarter turn,
        which exchanges H and W too; that is ours.
    """
    if dimensions == 5:
        last_first, first_last = (0, 1, 4, 2, 3), (0, 1, 3, 4, 2)
        return (
            (lambda x: x.permute(last_first), lambda x: x.permute(first_last)),
            (lambda x: x.permute(first_last), lambda x: x.permute(last_first)),
        )
    return (
        (lambda x: x.transpose(2, 3), lambda x: x.transpose(2, 3)),
        (lambda x: x.rot90(1, (2, 3)), lambda x: x.rot90(-1, (2, 3))),
    )


def of_all_views(predict: Map, batch: Tensor) -> list[Tensor]:
    """Outputs [B, K, ...] for the batch and for its other views, all with the batch's order of axes."""
    found = [predict(batch)]
    for turn, undo in other_views(batch.dim()):
        try:
            found.append(undo(predict(turn(batch))))
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            raise unlike_axes() from error
        if found[-1].shape != found[0].shape:
            raise unlike_axes()
    return found


def unlike_axes() -> ModelError:
    """The error for a network that cannot take an image with its axes exchanged."""
    return ModelError(
        "MuVi exchanges the axes of the image, and this network does not take them in another order. Choose "
        "another method."
    )


class AveragedViews(Wrapped):
    """A network whose output is the mean of those for the patch and its views, as MuVi predicts."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, ...] to outputs [B, K, ...]."""
        return torch.stack(of_all_views(lambda view: main_output(self.network(view)), x)).mean(dim=0)
