import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_osuda.errors import CaseError
from napari_osuda.napari_layers.images import get_reader, read_layers

AFFINE = np.array([[-1.0, 0, 0, 50], [0, -2, 0, 60], [0, 0, 3, -70], [0, 0, 0, 1]])


def put(path, data, affine=AFFINE):
    kinds = {".mgz": nib.MGHImage, ".hdr": nib.Nifti1Pair, ".img": nib.Nifti1Pair}
    nib.save(kinds.get(path.suffix, nib.Nifti1Image)(data, affine), path)
    return str(path)


def open_all(path):
    """Layers as napari makes them of what the reader gives."""
    return [Layer.create(*layer) for layer in get_reader(path)(path)]


@pytest.fixture
def brain():
    return np.random.default_rng(0).integers(1, 500, (4, 5, 6)).astype(np.int16)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".hdr", ".img", ".mgz"])
def test_a_volume_is_shown_in_ras_millimeters(tmp_path, brain, suffix):
    path = put(tmp_path / f"FLAIR{suffix}", brain)
    (layer,) = open_all(path)
    assert layer.name == "FLAIR"
    assert type(layer).__name__ == "Image"
    assert layer.data.shape == (6, 5, 4)
    assert layer.data.flags.c_contiguous
    assert layer.axis_labels == ("S", "A", "R")
    assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
    for voxel in ((0, 0, 0), (3, 1, 5), (2, 4, 3)):
        right, anterior, superior = (AFFINE @ [*voxel, 1])[:3]
        data = layer.world_to_data((superior, anterior, right))
        assert layer.data[tuple(np.rint(data).astype(int))] == brain[voxel]
    assert layer.metadata["napari_osuda"]["path"] == path
    np.testing.assert_allclose(layer.metadata["napari_osuda"]["affine"], AFFINE)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_whole_numbers_called_a_segmentation_are_labels(tmp_path, brain, dtype):
    path = put(tmp_path / "x_seg.nii.gz", (brain % 4).astype(dtype))
    (layer,) = open_all(path)
    assert type(layer).__name__ == "Labels"
    assert layer.data.dtype == np.uint8
    assert layer.name == "x_seg"
    assert layer.axis_labels == ("S", "A", "R")
    np.testing.assert_array_equal(layer.data[0, 4, 3], brain[0, 0, 0] % 4)


def test_a_probability_map_called_a_mask_is_an_image(tmp_path, brain):
    (layer,) = open_all(put(tmp_path / "x_mask.nii", (brain / 500).astype(np.float32)))
    assert type(layer).__name__ == "Image"


def test_contrasts_on_a_fourth_axis_are_layers_and_a_long_one_is_time(tmp_path, brain):
    four = np.stack([brain + i for i in range(4)], -1)
    layers = open_all(put(tmp_path / "BRATS_001.nii.gz", four))
    assert [layer.name for layer in layers] == [f"BRATS_001 {i}" for i in (1, 2, 3, 4)]
    for i, layer in enumerate(layers):
        np.testing.assert_array_equal(layer.data, layers[0].data + i)
        assert layer.axis_labels == ("S", "A", "R")
    (series,) = open_all(put(tmp_path / "bold.nii.gz", np.stack([brain] * 9, -1)))
    assert series.data.shape == (9, 6, 5, 4)
    assert series.axis_labels == ("volume", "S", "A", "R")
    np.testing.assert_allclose(series.scale, (1, *layers[0].scale))


def test_several_files_are_opened_together(tmp_path, brain):
    paths = [put(tmp_path / f"{name}.nii", brain) for name in ("T1", "T2")]
    assert [layer[1]["name"] for layer in get_reader(paths)(paths)] == ["T1", "T2"]


def test_contrast_is_stretched_over_the_brain_and_not_over_one_bright_voxel(tmp_path):
    data = np.random.default_rng(0).uniform(0, 100, (20, 20, 20)).astype(np.float32)
    data[0, 0, 0] = 1e6
    (layer,) = open_all(put(tmp_path / "a.nii", data))
    assert layer.contrast_limits[1] < 101
    data[:] = 5
    open_all(put(tmp_path / "b.nii", data))
    data[:] = np.nan
    assert "contrast_limits" not in read_layers(put(tmp_path / "c.nii", data))[0][1]


def test_other_files_and_folders_are_left_to_other_readers(tmp_path):
    (tmp_path / "folder.nii").mkdir()
    for path in ("a.tif", "a.dcm", str(tmp_path / "folder.nii"), ["a.nii", "b.png"], []):
        assert get_reader(path) is None


def test_a_damaged_file_gets_a_sentence(tmp_path):
    for name in ("x.nii.gz", "x_seg.nii.gz"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(CaseError, match=f"{name} cannot be read"):
            read_layers(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "oblique"), [("example4d.nii.gz", 9.3), ("anatomical.nii", 0), ("test.mgz", 36.7)]
)
def test_files_of_other_programs_are_sliced_along_every_axis_without_a_warning(name, oblique):
    viewer = ViewerModel()
    for layer in open_all(str(Path(nib.__file__).parent / "tests" / "data" / name)):
        assert layer.metadata["napari_osuda"]["oblique_degrees"] == pytest.approx(oblique, abs=0.05)
        viewer.add_layer(layer)
        for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
            viewer.dims.order = order
            last = viewer.dims.nsteps[order[0]] - 1
            for step in (0, last // 2, last):
                viewer.dims.set_current_step(order[0], step)
                shown = np.take(layer.data, step, order[0])
                np.testing.assert_array_equal(layer._data_view, shown)


def test_the_real_patient_opens_with_lesions_as_labels():
    data = Path(os.environ.get("OSUDA_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    patient = data / "real_ms" / "patient19"
    if not patient.is_dir():
        pytest.skip("the real patient of the MS data set is not here (OSUDA_REAL_DATA)")
    flair, lesions = (open_all(str(patient / f"{name}.nii.gz"))[0] for name in ("FLAIR", "LESIONS"))
    assert type(lesions).__name__ == "Labels"
    np.testing.assert_array_equal(lesions.extent.world, flair.extent.world)
    # Lesions are bright on FLAIR, so the two lie on each other.
    assert flair.data[lesions.data > 0].mean() > 1.3 * flair.data[flair.data > 0].mean()


def test_a_few_values_below_the_air_do_not_make_it_gray(tmp_path):
    data = np.zeros((20, 20, 20), np.float32)
    data[5:15, 5:15, 5:15] = 100.0
    data[0, 0, :5] = -40.0
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "t1.nii.gz")
    ((_, arguments, _),) = read_layers(str(tmp_path / "t1.nii.gz"))
    assert arguments["contrast_limits"][0] == 0
    # Units in which air is below 0 stay as they are.
    data[data == 0] = -1000.0
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "ct.nii.gz")
    ((_, arguments, _),) = read_layers(str(tmp_path / "ct.nii.gz"))
    assert arguments["contrast_limits"][0] == -1000
