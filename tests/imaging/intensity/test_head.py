"""Kinds of air: 0, other constants, noise, tiny values, padding, none; in phantoms and in real MRI."""

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_osuda.imaging import Grid, SliceSpec, SliceStack, case_from_arrays, normalize
from napari_osuda.imaging.intensity.head import find_air, find_head, head_of

SHAPE = (44, 52, 30)


def phantom(*, skull=True, seed=0):
    """A head with dark bone and dark fluid, its air 0; and where it is head."""
    random = np.random.default_rng(seed)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    radius = np.sqrt((x / 0.8) ** 2 + (y / 0.85) ** 2 + (z / 0.95) ** 2)
    image = np.zeros(SHAPE, np.float32)
    image[radius < 0.8] = 400
    image[(radius < 0.8) & (x > 0)] = 550
    image[radius < 0.25] = 90
    if skull:
        image[(radius >= 0.8) & (radius < 0.88)] = 60
        image[(radius >= 0.88) & (radius < 1.0)] = 700
    head = radius < (1.0 if skull else 0.8)
    image[head] += random.normal(0, 12, int(head.sum()))
    return image, head


def noise(sigma, shape=SHAPE, seed=1):
    """The noise of magnitude images: Rayleigh."""
    random = np.random.default_rng(seed)
    return np.hypot(*random.normal(0, sigma, (2, *shape))).astype(np.float32)


def like(found, head):
    return 2 * (found & head).sum() / (found.sum() + head.sum())


def head_in(image):
    return head_of(image, find_air(image))


def test_air_of_zero_is_just_that():
    for skull in (True, False):
        image, _ = phantom(skull=skull)
        air = find_air(image)
        assert (air.constants, air.is_noise, air.level) == ((0.0,), False, 0.0)
        np.testing.assert_array_equal(head_of(image, air), image != 0)


@given(st.one_of(st.floats(-2000, 60), st.floats(900, 4000)), st.booleans())
@settings(deadline=None, max_examples=25)
def test_air_of_any_constant_gives_the_head_and_the_normalization_of_air_of_zero(constant, skull):
    image, head = phantom(skull=skull)
    image[head] += 100
    changed = np.where(head, image, np.float32(constant))
    np.testing.assert_array_equal(head_in(changed), head)
    np.testing.assert_allclose(
        normalize(changed, "zscore_nonzero"), normalize(image, "zscore_nonzero"), atol=1e-4
    )
    assert find_air(changed).level == pytest.approx(constant if constant else 0.0)


@given(st.floats(0.001, 1000), st.floats(-3000, 3000))
@settings(deadline=None, max_examples=25)
def test_gain_and_offset_of_a_whole_image_change_nothing(gain, offset):
    image, head = phantom()
    changed = (image * gain + offset).astype(np.float32)
    if abs(offset) > 50 * gain * 700:
        # float32 holds no such image.
        return
    assert like(head_in(changed), head) > 0.999
    np.testing.assert_allclose(
        normalize(changed, "zscore_nonzero")[head], normalize(image, "zscore_nonzero")[head], atol=0.02
    )


@pytest.mark.parametrize("sigma", [1e-38, 0.01, 2, 6, 15])
@pytest.mark.parametrize("offset", [0.0, 75.0, -300.0])
def test_air_of_noise_however_faint_or_far_from_zero(sigma, offset):
    image, head = phantom()
    noisy = np.where(head, image, noise(sigma)) + np.float32(offset)
    air = find_air(noisy)
    # Added to an offset the faintest noise is gone, and the air a constant.
    assert air.is_noise or (offset and sigma < 1e-6)
    assert like(head_of(noisy, air), head) > 0.985
    z = normalize(noisy, "zscore_nonzero")
    assert not z[ndimage.binary_erosion(~head, iterations=2)].any()
    expected = normalize(image, "zscore_nonzero")
    assert np.abs(z[head] - expected[head]).mean() < 0.05


def test_dark_fluid_and_bone_within_the_head_are_head():
    image, head = phantom()
    noisy = np.where(head, image, noise(15))
    found = head_in(noisy)
    inner = ndimage.binary_erosion(head, iterations=3)
    assert found[inner].all()


@pytest.mark.parametrize("fill", [0.0, -1000.0])
@pytest.mark.parametrize("sides", ["one", "all"])
def test_an_image_with_noise_in_the_air_that_was_padded(fill, sides):
    image, head = phantom()
    noisy = np.where(head, image, noise(6))
    pad = [(20, 0), (0, 0), (0, 0)] if sides == "one" else [(6, 6)] * 3
    padded, where = (np.pad(v, pad, constant_values=c) for v, c in ((noisy, fill), (head, False)))
    assert like(head_in(padded), where) > 0.985


def test_an_image_without_any_air_is_head_throughout():
    image, _ = phantom(skull=False)
    crop = image[14:30, 12:40, 8:22]
    np.testing.assert_array_equal(find_head(crop[None]).mask, crop != 0)
    # Also one that was standardized, of which half is below 0.
    air = find_air(normalize(crop, "zscore"))
    assert not air.is_noise
    assert air.level <= normalize(crop, "zscore").min() + 1e-6


def test_a_head_that_the_image_cuts_is_closed_at_its_ends():
    image, head = phantom()
    noisy = np.where(head, image, noise(6))[:, :, 8:22]
    assert like(head_in(noisy), head[:, :, 8:22]) > 0.985


def test_the_head_is_that_of_all_channels_together():
    image, head = phantom()
    other = np.where(head, 800 - image, noise(5))
    found = find_head(np.stack([np.where(head, image, np.float32(-1)), other]))
    assert [air.is_noise for air in found.airs] == [False, True]
    assert found.has_noise
    assert like(found.mask, head) > 0.985


@pytest.mark.parametrize("air", ["0", "-1000", "noise"])
@pytest.mark.parametrize("how", ["zscore_nonzero", "zscore_head"])
def test_the_network_sees_the_same_whatever_the_air_is(air, how):
    image, head = phantom()
    changed = {
        "0": image,
        "-1000": np.where(head, image, np.float32(-1000)),
        "noise": np.where(head, image, noise(6)),
    }
    spec = SliceSpec(normalization=how, size=(64, 64), field_of_view_mm=(60.0, 60.0))
    grid = Grid(SHAPE, np.eye(4))
    expected, seen = (
        SliceStack(case_from_arrays("x", {"t1": volume}, grid), spec) for volume in (image, changed[air])
    )
    np.testing.assert_array_equal(seen.foreground[3:-3], expected.foreground[3:-3])
    apart = np.abs(seen.slices(range(6, 24)) - expected.slices(range(6, 24)))
    assert np.percentile(apart, 98) < 0.05
    assert like(seen.heads(range(6, 24)), expected.heads(range(6, 24))) > 0.98


@given(st.integers(0, 90), st.integers(0, 90), st.sampled_from(["axial", "coronal", "sagittal"]))
@settings(deadline=None, max_examples=20)
def test_a_head_beside_the_middle_of_a_large_image_is_seen_whole(before, behind, plane):
    image, _ = phantom()
    padded = np.pad(image, [(before, behind), (behind, before), (before // 2, 0)])
    grid = Grid(padded.shape, np.eye(4))
    spec = SliceSpec(plane=plane, normalization="none", size=(64, 64), field_of_view_mm=(64.0, 64.0))
    stack = SliceStack(case_from_arrays("x", {"t1": padded}, grid), spec)
    assert stack.unseen <= 1e-3
    every = range(len(stack))
    returned = stack.inverse(every, stack.slices(every), [0.0])[:, 0]
    # A rim voxel that is not told from air may lie outside, as far as that is told.
    lost = ~np.isclose(returned, stack.stacked(padded), atol=1e-3)
    assert np.count_nonzero(lost) <= 1e-3 * np.count_nonzero(padded)


def test_a_field_of_view_that_shows_the_head_stays_in_the_middle():
    image, _ = phantom()
    grid = Grid(SHAPE, np.eye(4))
    spec = SliceSpec(normalization="none", size=(64, 64), field_of_view_mm=(64.0, 64.0))
    seen = SliceStack(case_from_arrays("x", {"t1": image}, grid), spec).slices([15])[0, 0]
    np.testing.assert_array_equal(seen[10:54, 6:58], image[:, :, 15])


def test_what_of_a_head_the_network_does_not_see_is_counted():
    image, _ = phantom()
    grid = Grid(SHAPE, np.eye(4))
    spec = SliceSpec(normalization="none", size=(64, 32), field_of_view_mm=(64.0, 32.0))
    stack = SliceStack(case_from_arrays("x", {"t1": image}, grid), spec)
    assert stack.unseen == pytest.approx(1 - np.count_nonzero(image[:, 10:42]) / np.count_nonzero(image))


def data_folder(name):
    folder = Path(os.environ.get("OSUDA_REAL_DATA", Path(__file__).parents[4] / "shared" / "data")) / name
    if not folder.is_dir():
        pytest.skip(f"the real data set {name} is not here (OSUDA_REAL_DATA)")
    return folder


def test_real_skull_stripped_heads_are_what_is_not_zero():
    for name in ("FLAIR", "T1"):
        path = data_folder("real_ms") / "patient19" / f"{name}.nii.gz"
        image = np.asarray(nib.load(path).dataobj, np.float32)
        np.testing.assert_array_equal(head_in(image), image != 0)


def test_real_crops_without_air_are_head_throughout():
    for path in sorted((data_folder("real_hippocampus") / "images").glob("*.nii.gz")):
        image = np.asarray(nib.load(path).dataobj, np.float32)
        assert not find_air(image).is_noise, path.name
        assert head_in(image).mean() > 0.98, path.name


@pytest.mark.parametrize("name", ["t1/t1w", "t2/t2", "t2s/t2s", "mt/mt0", "mt/mt1"])
def test_the_cord_of_a_real_neck_is_head(name):
    folder = data_folder("real_cord")
    image = np.asarray(nib.load(folder / f"{name}.nii.gz").dataobj, np.float32)
    head = head_in(image)
    masks = [p for p in (folder / name).parent.glob("*_seg*.nii.gz") if p.name.startswith(Path(name).name)]
    for path in masks:
        cord = np.asarray(nib.load(path).dataobj) > 0
        assert head[cord].mean() > 0.99


def test_real_whole_heads_with_noise_in_the_air_are_told_from_it():
    tifffile = pytest.importorskip("tifffile")
    patients = sorted((data_folder("real_lgg") / "kaggle_3m").iterdir())[::11]
    for patient in patients:
        files = sorted(
            (p for p in patient.glob("*.tif") if "mask" not in p.name),
            key=lambda p: int(p.stem.split("_")[-1]),
        )
        image = np.stack([tifffile.imread(p) for p in files], axis=2).astype(np.float32)
        lesion = np.stack(
            [tifffile.imread(p.with_name(f"{p.stem}_mask.tif")) if p.with_name(f"{p.stem}_mask.tif").exists()
             else np.zeros(image.shape[:2], np.uint8) for p in files], axis=2) > 0  # fmt: skip
        found = find_head(image.transpose(3, 0, 1, 2))
        # Of 234 images of 78 patients this is missed in one, whose air is 0 with a few speckles.
        assert sum(air.is_noise for air in found.airs) >= 2, patient.name
        assert 0.2 < found.mask.mean() < 0.7, patient.name
        # Almost all of the image counted as head before; the corners are air.
        assert found.mask[:3, :3].mean() < 0.1, patient.name
        assert found.mask[lesion].mean() > 0.995, patient.name


# Noise far from 0 around a head looks the same as noisy tissue without air.
@pytest.mark.parametrize(
    ("air", "noise_sd"), [(None, 0), (0.0, 0), (10.0, 0), (-1000.0, 0), (0.0, 20), (10.0, 20), (-1000.0, 20)]
)
@pytest.mark.parametrize("levels", [(500, 700, 900), (600, 700, 900)])
def test_drawn_tissue_far_above_zero_is_no_air(levels, noise_sd, air):
    rng = np.random.default_rng(3)
    radius = np.linalg.norm(np.stack(np.meshgrid(*[np.linspace(-1, 1, 32)] * 3)), axis=0)
    tissue = np.select([radius < 0.3, radius < 0.5], levels[:0:-1], levels[0])
    tissue = (tissue + noise_sd * rng.normal(size=radius.shape)).astype(np.float32)
    inside = radius < (2 if air is None else 0.8)
    found = find_head(np.where(inside, tissue, np.float32(air or 0))[None])
    np.testing.assert_array_equal(found.mask, inside)
    assert not found.has_noise


@pytest.mark.parametrize("size", [1e-38, 1e-6, 1e-2])
def test_what_resampling_leaves_in_the_air_makes_no_whole_head_of_a_stripped_one(size):
    rng = np.random.default_rng(0)
    axes = np.meshgrid(*[np.linspace(-1, 1, 40)] * 3, indexing="ij")
    inside = np.linalg.norm(axes, axis=0) < 0.7
    tissue = rng.uniform(100, 400, inside.shape)
    left = find_head(np.where(inside, tissue, rng.normal(0, size, inside.shape)).astype(np.float32)[None])
    assert not left.has_noise
    assert np.mean(left.mask != inside) < 0.01
    noise = np.hypot(*rng.normal(0, 6, (2, *inside.shape)))
    assert find_head(np.where(inside, tissue, noise).astype(np.float32)[None]).has_noise
