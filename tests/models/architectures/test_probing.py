from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.models import ModelCard
from napari_osuda.models.architectures import measured
from napari_osuda.models.architectures.probing import check_channels, example_for, forward, smallest_size


class Halving(nn.Module):
    """Segments images whose edges are multiples of 32, as a U-Net of five levels does."""

    def __init__(self, outputs=2):
        super().__init__()
        self.conv = nn.Conv2d(1, outputs, 1)

    def forward(self, x):
        if any(n % 32 for n in x.shape[2:]):
            raise RuntimeError("sizes do not match")
        return self.conv(x)


def card(channels=("t1",), outputs=("background", "lesion")):
    return ModelCard.of(channels=channels, output_channels=outputs, minimum=(32, 32))


def test_the_smallest_size_is_found_by_trying():
    assert smallest_size(Halving(), 1, 2) == (32, 32)
    assert smallest_size(nn.Conv2d(1, 2, 1), 1, 2) == (8, 8)
    assert smallest_size(nn.Conv2d(1, 2, 1, stride=2), 1, 2) is None


def test_a_network_that_fails_gives_nothing_and_stays_in_its_mode():
    network = Halving().train()
    assert forward(network, 1, (20, 20)) is None
    assert network.training


def test_the_example_is_always_the_same_and_of_the_networks_type():
    network = Halving().double()
    first, again = example_for(network, 1, (4, 4)), example_for(network, 1, (4, 4))
    assert first.dtype is torch.float64
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("network", "given", "said"),
    [
        (Halving(), card(channels=("t1", "t2")), r"names 2 input channels .* first layer \(conv\) takes 1"),
        (Halving(3), card(), "gives 3 output channels, but the card names 2"),
        (nn.Flatten(), card(), "fails on|spatial axes"),
    ],
)
def test_channels_that_are_not_the_cards_are_told(network, given, said):
    with pytest.raises(ModelError, match=said):
        check_channels(network, given)


def test_values_that_are_not_finite_are_refused():
    network = Halving()
    nn.init.constant_(network.conv.weight, float("nan"))
    with pytest.raises(ModelError, match="NaN or infinite"):
        check_channels(network, card())


def test_of_several_outputs_it_is_said_which_is_taken():
    class Several(Halving):
        def forward(self, x):
            return {"out": super().forward(x), "aux": x}

    assert check_channels(Halving(), card()) == ()
    (note,) = check_channels(Several(), card())
    assert "'out' is taken" in note


class Failing(nn.Module):
    """Runs on no size, and remembers which were tried."""

    def __init__(self):
        super().__init__()
        self.tried = []

    def forward(self, x):
        self.tried.append(tuple(x.shape[1:]))
        raise RuntimeError("sizes do not match")


def test_the_card_is_tried_first_and_no_image_is_larger_than_need_be():
    network = Failing()
    with pytest.raises(ModelError, match="fails on"):
        check_channels(network, card())
    assert network.tried[0] == (1, 32, 32)
    network = Failing()
    assert smallest_size(network, 512, 3) is None
    assert max(torch.Size(shape).numel() for shape in network.tried) <= 2**23


def test_a_network_that_asks_for_all_memory_runs_at_no_size(monkeypatch):
    network = nn.Conv2d(1, 4096, 1)
    assert forward(network, 1, (16, 16)) is not None
    monkeypatch.setattr(measured, "_ONE_TRIED", 2**20)
    assert forward(network, 1, (16, 16)) is None


class Ending(nn.Module):
    """A network of one layer, and what follows it."""

    def __init__(self, end, outputs=2):
        super().__init__()
        self.conv, self.end = nn.Conv2d(1, outputs, 1), end

    def forward(self, x):
        return self.end(self.conv(x))


def of(activation, outputs):
    names = ("background", "lesion")[2 - outputs :]
    labels = {0: "background", 1: "lesion"}
    return ModelCard.of(
        channels=("t1",), output_channels=names, activation=activation, labels=labels, minimum=(8, 8)
    )


@pytest.mark.parametrize(
    ("end", "activation", "outputs", "said"),
    [
        (torch.sigmoid, "sigmoid", 1, "sigmoid done once more"),
        (torch.sigmoid, "sigmoid", 2, "sigmoid done once more"),
        (nn.Softmax(1), "softmax", 2, "softmax done once more"),
        (lambda y: 20 * y - 4, "none", 1, "probabilities already"),
        (nn.AvgPool2d(2), "softmax", 2, "4 x 4 voxels for an image of 8 x 8"),
        (nn.Upsample(scale_factor=2), "softmax", 2, "16 x 16 voxels"),
        (lambda y: y[:, :, 2:-2, 2:-2], "softmax", 2, "4 x 4 voxels"),
    ],
)
def test_an_output_that_is_not_what_the_card_makes_masks_of_is_refused(end, activation, outputs, said):
    torch.manual_seed(0)
    with pytest.raises(ModelError, match=said):
        check_channels(Ending(end, outputs), of(activation, outputs))


@pytest.mark.parametrize(
    ("end", "activation", "outputs"),
    [(torch.sigmoid, "none", 1), (nn.Softmax(1), "none", 2), (lambda y: 20 * y - 4, "sigmoid", 1),
     (nn.Identity(), "softmax", 2), (torch.relu, "softmax", 2), (torch.sigmoid, "softmax", 2),
     # Logits of a weak network that lie from 0 to 1 for an ordinary image.
     (lambda y: 0.01 * y + 0.3, "sigmoid", 1), (lambda y: 0.01 * y + 0.5, "sigmoid", 2)],
)  # fmt: skip
def test_an_output_of_either_kind_goes_with_its_activation(end, activation, outputs):
    torch.manual_seed(0)
    assert check_channels(Ending(end, outputs), of(activation, outputs)) == ()
