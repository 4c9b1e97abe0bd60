import math
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from napari_osuda.evaluation import dice, hausdorff, surface, surface_distances

# MONAI 1.6 warns of an argument that its own code passes.
monai_warns_of_itself = pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")

masks = arrays(bool, (4, 5, 6))
spacings = st.tuples(*[st.sampled_from([0.5, 1.0, 1.875, 6.5])] * 3)


def blob(seed, shape=(30, 34, 26), center=(15, 15, 12), radius=8):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
    grid = np.ogrid[tuple(slice(0, n) for n in shape)]
    r = np.sqrt(sum((g - c) ** 2 for g, c in zip(grid, center, strict=True)))
    return r + 20 * noise < radius


def monai_hausdorff(a, b, spacing, percentile):
    # Here and not above, since both take seconds to import.
    import torch
    from monai.metrics import compute_hausdorff_distance

    a, b = (torch.from_numpy(mask[None, None].copy()) for mask in (a, b))
    return compute_hausdorff_distance(
        a, b, include_background=True, percentile=percentile, spacing=spacing
    ).item()


@monai_warns_of_itself
@pytest.mark.parametrize("percentile", [100, 95, 50])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.78, 0.78, 6.5)])
@pytest.mark.parametrize("where", ["inside", "cut by the border", "scattered"])
def test_figures_equal_monai(where, spacing, percentile):
    if where == "inside":
        a, b = blob(1), blob(2, center=(14, 17, 13), radius=7)
    elif where == "cut by the border":
        a, b = blob(1, center=(0, 30, 12)), blob(2, center=(3, 33, 25))
    else:
        rng = np.random.default_rng(3)
        a, b = rng.random((30, 34, 26)) < 0.01, rng.random((30, 34, 26)) < 0.3
    expected = monai_hausdorff(a, b, spacing, percentile)
    assert hausdorff(a, b, spacing, percentile) == pytest.approx(expected, rel=1e-6)


# MONAI says in a warning that a mask is empty.
@pytest.mark.filterwarnings("ignore:the (prediction|ground truth) of class:UserWarning")
@monai_warns_of_itself
@pytest.mark.parametrize(
    ("found", "there", "monai_dice", "distance", "overlap"),
    [
        (False, False, math.nan, 0.0, 1.0),
        (False, True, 0.0, math.inf, 0.0),
        (True, False, math.nan, math.inf, 0.0),
    ],
)
def test_of_empty_masks_monai_knows_nothing_and_we_do(found, there, monai_dice, distance, overlap):
    """Why failures are counted here: its means leave such cases out, false findings among them."""
    import torch
    from monai.metrics import compute_dice

    lesion = blob(1)
    a, b = (lesion if holds else np.zeros_like(lesion) for holds in (found, there))
    assert math.isnan(monai_hausdorff(a, b, (1.0, 1.0, 1.0), 95))
    tensors = [torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (a, b)]
    assert compute_dice(*tensors).item() == pytest.approx(monai_dice, nan_ok=True)
    assert hausdorff(a, b, (1.0, 1.0, 1.0), 95) == distance
    assert dice(a, b) == overlap


@monai_warns_of_itself
@settings(deadline=None, max_examples=50)
@given(masks, masks, spacings, st.sampled_from([100.0, 95.0]))
def test_figures_equal_monai_for_any_masks(a, b, spacing, percentile):
    assume(a.any() and b.any())
    expected = monai_hausdorff(a, b, spacing, percentile)
    # MONAI interpolates its percentile at a float32 rank, which is off by some 1e-5 of a gap.
    assert hausdorff(a, b, spacing, percentile) == pytest.approx(expected, rel=1e-6, abs=1e-3)


def test_empty_masks():
    a, empty = blob(1), np.zeros((30, 34, 26), dtype=bool)
    assert hausdorff(empty, empty, (1, 1, 1)) == 0.0
    assert hausdorff(a, empty, (1, 1, 1)) == math.inf
    assert hausdorff(empty, a, (1, 1, 1), 95) == math.inf


def test_distance_is_in_millimeters_along_each_axis():
    a, b = np.zeros((2, 9, 9, 9), dtype=bool)
    a[4, 4, 4] = True
    for axis, spacing in enumerate((2.0, 3.0, 5.0)):
        b[:] = False
        b[tuple(6 if k == axis else 4 for k in range(3))] = True
        assert hausdorff(a, b, (2.0, 3.0, 5.0)) == pytest.approx(2 * spacing)


def test_the_surface_is_the_six_neighbor_rim_and_the_border_counts():
    cube = np.zeros((7, 7, 7), dtype=bool)
    cube[1:6, 1:6, 1:6] = True
    assert surface(cube).sum() == 5**3 - 3**3
    assert surface(np.ones((3, 3, 3), dtype=bool)).sum() == 26
    assert surface(np.ones((3, 3), dtype=bool)).sum() == 8


def test_both_directions_are_returned():
    a, b = np.zeros((2, 1, 1, 9), dtype=bool)
    a[..., 0] = True
    b[..., [0, 8]] = True
    from_a, from_b = surface_distances(a, b, (1, 1, 1))
    assert from_a.tolist() == [0]
    assert from_b.tolist() == [0, 8]


def test_a_stray_voxel_does_not_make_it_slow():
    shape = (155, 240, 240)
    a, b = blob(1, shape, (70, 120, 100), 30), blob(2, shape, (72, 118, 104), 30)
    b[2, 2, 2] = b[150, 230, 230] = True
    start = time.process_time()
    hausdorff(a, b, (1, 1, 1), 95)
    # A distance transform of the stretched union takes over 2 s a direction.
    assert time.process_time() - start < 2.0
