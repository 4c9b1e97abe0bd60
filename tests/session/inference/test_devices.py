import torch
from torch import nn

from napari_osuda.imaging import SliceStack
from napari_osuda.session import slice_spec
from napari_osuda.session.inference.devices import placed


class Flattens(nn.Module):
    """Calls view on what a convolution gives, as some networks do."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x):
        y = self.conv(x)
        return y.view(y.shape[0], y.shape[1], -1)


def test_channels_lie_side_by_side_and_the_answer_is_the_same(model, case):
    stack = SliceStack(case, slice_spec(model.card))
    x = torch.from_numpy(stack.slices(range(3)))
    network = model.network
    copied = placed(network, torch.device("cpu"), stack)
    with torch.inference_mode():
        torch.testing.assert_close(copied(x), network(x), rtol=1e-4, atol=1e-4)
    ours, theirs = (
        next(m for m in net.modules() if isinstance(m, nn.Conv2d) and m.in_channels > 1)
        for net in (copied, network)
    )
    assert ours.weight.is_contiguous(memory_format=torch.channels_last)
    assert theirs.weight.is_contiguous()


def test_a_network_that_needs_the_usual_order_keeps_it(model, case):
    stack = SliceStack(case, slice_spec(model.card))
    network = Flattens()
    copied = placed(network, torch.device("cpu"), stack)
    assert not copied.training
    x = torch.from_numpy(stack.slices([0]))[:, :1]
    torch.testing.assert_close(copied(x), network(x))
