from __future__ import annotations

import pytest
import torch

from napari_osuda.benchmark.real.augmentation import Variation, vary

NOTHING = Variation(
    rotation=0, scale=0, shift=0, bend=0, gamma=0, gain=0, offset=0, bias=0, blur=0.3, noise=0
)
SHAPES = [(12, 1, 16, 24), (12, 2, 8, 12, 10)]


def batch(shape):
    torch.manual_seed(0)
    images = torch.randn(shape)
    return images, (images[:, 0] > 0.5).long()


@pytest.mark.parametrize("shape", SHAPES)
def test_without_variation_nothing_changes_but_a_hair_of_blur(shape):
    images, target = batch(shape)
    varied, classes = vary(images, target, NOTHING, torch.Generator().manual_seed(0))
    assert torch.equal(classes, target)
    assert (varied - images).abs().max() < 0.1


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mirrored_image_takes_its_target_along(shape):
    images, target = batch(shape)
    for axis in range(len(shape) - 2):
        _, classes = vary(images, target, Variation(**{**vars(NOTHING), "flip": axis}),
                               torch.Generator().manual_seed(1))  # fmt: skip
        mirrored = [not torch.equal(a, b) for a, b in zip(classes, target, strict=True)]
        assert any(mirrored)
        assert not all(mirrored)
        for k, flipped in enumerate(mirrored):
            expected = target[k].flip(axis) if flipped else target[k]
            assert torch.equal(classes[k], expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_images_keep_their_shape_and_stay_finite_and_draws_are_reproducible(shape):
    images, target = batch(shape)
    first = vary(images, target, Variation(flip=0), torch.Generator().manual_seed(3))
    again = vary(images, target, Variation(flip=0), torch.Generator().manual_seed(3))
    assert first[0].shape == images.shape
    assert first[1].shape == target.shape
    assert torch.isfinite(first[0]).all()
    assert set(first[1].unique().tolist()) <= {0, 1}
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
