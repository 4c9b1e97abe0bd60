from __future__ import annotations

import pytest
import torch

from napari_osuda.errors import ModelError
from napari_osuda.method.outputs import class_fractions, main_output, probabilities


def test_class_fractions_equal_argmax():
    output = torch.randn(3, 5, 8, 8, generator=torch.Generator().manual_seed(3))
    expected = torch.bincount(output.argmax(1).flatten(), minlength=5) / (3 * 64)
    torch.testing.assert_close(class_fractions(output, "softmax"), expected)
    torch.testing.assert_close(class_fractions(output, "sigmoid"), (output > 0).float().mean((0, 2, 3)))
    assert class_fractions(torch.full((1, 1, 2, 2), 0.9), "none").tolist() == [1.0]
    # A pixel that is undecided is of the first class, and in no independent channel.
    undecided = torch.zeros(1, 2, 2, 2)
    assert class_fractions(undecided, "softmax").tolist() == [1.0, 0.0]
    assert class_fractions(undecided, "sigmoid").tolist() == [0.0, 0.0]


def test_main_output_of_what_networks_return():
    x, half, loss = torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 4, 4), torch.zeros(())
    assert main_output(x) is x
    assert main_output([x, half]) is x
    assert main_output((half, x)) is x
    assert main_output((x, None)) is x
    assert main_output((x, loss)) is x
    assert main_output((x, [])) is x
    assert main_output([{"out": x}, half]) is x
    assert main_output({"aux": half, "out": x}) is x
    assert main_output({"loss": 0.3, "a": [x, half]}) is x


def test_of_heads_of_one_shape_the_last_is_taken_but_not_a_reconstruction():
    first, last, image = torch.zeros(1, 2, 8, 8), torch.ones(1, 2, 8, 8), torch.ones(1, 4, 8, 8)
    assert main_output([first, first, last]) is last
    assert main_output((first, image)) is first


def test_the_largest_image_is_that_of_most_voxels():
    tall, wide = torch.zeros(1, 2, 16, 8), torch.zeros(1, 2, 4, 16)
    assert main_output((wide, tall)) is tall
    # What has no plane is no image, however long.
    tokens, loss, least = torch.zeros(1, 2, 999), torch.zeros(()), torch.zeros(1, 2, 1, 1)
    assert main_output((tokens, tall)) is tall
    assert main_output((loss, least)) is least


@pytest.mark.parametrize("output", [None, [], {"loss": 0.3}, (None, [])])
def test_what_holds_no_tensor_is_refused(output):
    with pytest.raises(ModelError, match="no tensor to segment with"):
        main_output(output)


def test_probabilities_follow_the_activation():
    z = torch.randn(1, 3, 4)
    torch.testing.assert_close(probabilities(z, "softmax").sum(1), torch.ones(1, 4))
    torch.testing.assert_close(probabilities(z, "sigmoid"), 1 / (1 + torch.exp(-z)))
    assert probabilities(z, "none") is z
    half = probabilities(z.bfloat16(), "softmax")
    torch.testing.assert_close(half, z.bfloat16().float().softmax(1))
