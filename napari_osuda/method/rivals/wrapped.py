"""Networks that adapt while they predict: their state is no model that another program could load."""

from __future__ import annotations

from torch import nn

__all__ = ["Wrapped"]


class Wrapped(nn.Module):
    """A network that something is done to at each prediction.

    Attributes
    ----------
    network : nn.Module
        The network inside, as it is.

    Notes
    -----
    It gives masks. Saved as a model, it would be the network inside, without what was done.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def stored_means(self) -> frozenset[int]:
        """By which a call of batch normalization is known as one of the network's: ids of its buffers."""
        return frozenset(
            id(buffer) for name, buffer in self.network.named_buffers() if name.endswith("running_mean")
        )
