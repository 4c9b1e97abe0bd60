"""A marked voxel lies at one place of the world: in the layer, the case, and the written mask."""

from __future__ import annotations

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.layers import Image, Labels

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.napari_layers.images import read_layers
from napari_osuda.napari_layers.writer import write_layer
from napari_osuda.widgets.adapt.inputs.case_of_layers import case_of_layers, unplaced

sitk = pytest.importorskip("SimpleITK")

SHAPE = (3, 4, 5)
SAR = ("S", "A", "R")
# No two of them are exchanged by a flip or another order of axes.
MARKED = ((0, 0, 0), (2, 0, 1), (1, 3, 4))


def turn(seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def affines():
    """All 48 orders and directions of axes, and some that are oblique."""
    for order in permutations(range(3)):
        for signs in product((-1, 1), repeat=3):
            affine = np.eye(4)
            affine[:3, :3] = np.eye(3)[:, list(order)] @ np.diag(np.array(signs) * (0.7, 1.1, 4.0))
            affine[:3, 3] = (-31, 47, 12)
            yield affine
    for seed in range(12):
        affine = np.eye(4)
        affine[:3, :3] = turn(seed) @ np.diag((0.7, 1.1, 4.0))
        affine[:3, 3] = (5, -60, 33)
        yield affine


def written_at(path):
    """Where two independent readers find each value of a mask, in RAS millimeters."""
    image = nib.load(path)
    by_nibabel = {
        int(value): (image.affine @ [*np.argwhere(np.asarray(image.dataobj) == value)[0], 1])[:3]
        for value in range(1, 4)
    }
    other = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(other)
    by_itk = {}
    for value in range(1, 4):
        (k, j, i) = (int(n) for n in np.argwhere(values == value)[0])
        by_itk[value] = np.array(other.TransformIndexToPhysicalPoint((i, j, k))) * (-1, -1, 1)
    return by_nibabel, by_itk


def require_at(path, places):
    for found in written_at(path):
        for value, place in enumerate(places, start=1):
            np.testing.assert_allclose(found[value], place, atol=2e-3)


def save(labels, path):
    data, attributes, _ = labels.as_layer_data_tuple()
    return write_layer(str(path), data, attributes)


def numbered(values, images):
    """A layer's mask in which the voxels with some intensities are 1, 2 and 3."""
    mask = np.zeros(np.shape(images), np.uint8)
    for value, intensity in enumerate(values, start=1):
        mask[np.asarray(images) == intensity] = value
    return mask


@pytest.mark.parametrize("number", range(60))
def test_a_mask_on_an_opened_file_lies_where_the_file_says(tmp_path, number):
    affine = list(affines())[number]
    intensities = np.arange(1, 61, dtype=np.float32).reshape(SHAPE)
    # No qform holds the orientation alone: SimpleITK reads either.
    nib.save(nib.Nifti1Image(intensities, affine), tmp_path / "t1.nii.gz")
    ((data, arguments, _),) = read_layers(str(tmp_path / "t1.nii.gz"))
    layer = Image(data, **arguments)
    places = [(affine @ [*index, 1])[:3] for index in MARKED]
    mask = numbered([intensities[index] for index in MARKED], layer.data)
    save(Labels(mask, metadata=layer.metadata), tmp_path / "y.nii.gz")
    require_at(tmp_path / "y.nii.gz", places)
    case = case_of_layers({"t1": layer})
    np.testing.assert_array_equal(case.data[0], intensities)
    np.testing.assert_allclose(case.grid.affine, affine, atol=1e-4)


def another_plugins(seed):
    """A layer whose voxels lie anywhere, as another reader may give it: without shear, which NIfTI drops."""
    random = np.random.default_rng(seed)
    outer = np.eye(4)
    outer[:3, :3] = turn(seed)
    outer[:3, 3] = random.uniform(-50, 50, 3)
    unit, size = [("mm", 1.0), ("um", 1e3), ("cm", 0.1), ("pixel", 1.0)][seed % 4]
    arguments = {
        "scale": random.choice([-1, 1], 3) * random.uniform(0.5, 3, 3) * size,
        "translate": random.uniform(-9, 9, 3) * size,
        "affine": np.block([[outer[:3, :3], outer[:3, 3:] * size], [np.zeros((1, 3)), np.ones((1, 1))]]),
        "units": (unit,) * 3,
    }
    return arguments, size


KINDS = [
    lambda data: data,
    lambda data: data.astype(">i2"),
    lambda data: data.astype(np.int64),
    lambda data: data.astype(np.float16),
    lambda data: np.asfortranarray(data.astype(np.float64)),
    lambda data: pytest.importorskip("dask.array").from_array(data, chunks=2),
]


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@given(st.integers(0, 2**31), st.sampled_from(KINDS))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_another_plugins_layer_is_used_whole_by_case_and_writer_alike(tmp_path, seed, kind):
    arguments, size = another_plugins(seed)
    intensities = np.arange(1, 61, dtype=np.float32).reshape(SHAPE)
    layer = Image(kind(intensities), name="t1", axis_labels=SAR, **arguments)
    places = [np.asarray(layer.data_to_world(index))[::-1] / size for index in MARKED]
    case = case_of_layers({"t1": layer})
    np.testing.assert_array_equal(case.data[0], intensities)
    for index, place in zip(MARKED, places, strict=True):
        np.testing.assert_allclose((case.grid.affine @ [*index, 1])[:3], place, atol=1e-6)
    mask = numbered([intensities[index] for index in MARKED], intensities)
    save(Labels(mask, axis_labels=SAR, **arguments), tmp_path / "y.nii.gz")
    require_at(tmp_path / "y.nii.gz", places)
    # The same without axes that say where they lead: unknown to all.
    unnamed = Image(intensities, name="t1", **arguments)
    assert unplaced({"t1": unnamed}) == ("t1",)
    with pytest.raises(OutputError, match="not known"):
        save(Labels(mask, **arguments), tmp_path / "z.nii.gz")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Image(np.ones((4, 5)), name="t1"),
        lambda: Image(np.ones((2, 3, 4, 5)), name="t1", axis_labels=("t", *SAR)),
        lambda: Image(np.ones((4, 5, 3), np.uint8), rgb=True, name="t1"),
        lambda: Image(np.ones((2, 4, 5, 3), np.uint8), rgb=True, name="t1", axis_labels=SAR),
    ],
)
def test_a_layer_that_is_no_volume_is_refused_by_name(make):
    with pytest.raises(CaseError, match="'t1'"):
        case_of_layers({"t1": make()})


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5)])
def test_a_mask_that_is_no_volume_is_not_written(tmp_path, shape):
    with pytest.raises(OutputError):
        save(Labels(np.ones(shape, int), name="y"), tmp_path / "y.nii.gz")
    assert not list(tmp_path.iterdir())
