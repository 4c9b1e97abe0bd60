import nibabel as nib
import numpy as np
import pytest
from dicom_parts import write_series
from dicom_series import AFFINES, SHAPE
from napari.layers import Image, Labels

from napari_osuda.errors import OutputError
from napari_osuda.napari_layers import writer
from napari_osuda.napari_layers.images import read_dicom, read_layers

AFFINE = np.array([[0, -2.0, 0, 50], [0, 0, 3, 60], [-1, 0, 0, -70], [0, 0, 0, 1]])


@pytest.fixture
def opened(tmp_path):
    """An MRI on disk and the napari layer of it."""
    data = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    image = nib.Nifti1Image(data, AFFINE)
    image.set_sform(AFFINE, code="mni")
    image.set_qform(AFFINE, code="aligned")
    nib.save(image, tmp_path / "T1.nii.gz")
    ((data, attributes, _),) = read_layers(str(tmp_path / "T1.nii.gz"))
    return image, Image(data, **attributes)


def save(layer, path):
    data, attributes, _ = layer.as_layer_data_tuple()
    return writer.write_layer(str(path), data, attributes)


def bright(image):
    """Voxels that are marked: the same in the layer's order and in the file's."""
    return (np.asarray(image) > 0.5).astype(np.uint8)


def test_labels_go_back_to_the_array_order_and_header_of_the_mri(tmp_path, opened):
    image, layer = opened
    labels = Labels(bright(layer.data), metadata=layer.metadata, scale=layer.scale, translate=layer.translate)
    assert save(labels, tmp_path / "y.nii.gz") == [str(tmp_path / "y.nii.gz")]
    written = nib.load(tmp_path / "y.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj), bright(image.dataobj))
    np.testing.assert_array_equal(written.affine, AFFINE)
    assert (written.header["sform_code"], written.header["qform_code"]) == (4, 2)
    assert written.get_data_dtype() == np.uint8


def test_a_name_without_suffix_gets_one(tmp_path, opened):
    _, layer = opened
    labels = Labels(bright(layer.data), metadata=layer.metadata)
    assert save(labels, tmp_path / "drawn.v2") == [str(tmp_path / "drawn.v2.nii.gz")]
    assert nib.load(tmp_path / "drawn.v2.nii.gz").shape == (4, 5, 6)


def new_labels_like(layer):
    """What napari's "New labels layer" makes of an image."""
    place = {key: getattr(layer, key) for key in ("scale", "translate", "units", "axis_labels", "affine")}
    return Labels(bright(layer.data), **place)


def test_a_new_labels_layer_takes_the_grid_of_the_mri_beside_it(tmp_path, opened, monkeypatch):
    image, layer = opened
    other = Image(np.zeros((6, 5, 4)), metadata={"napari_osuda": {}}, translate=(9, 9, 9))
    monkeypatch.setattr(writer, "_open_layers", lambda: (other, layer))
    save(new_labels_like(layer), tmp_path / "y.nii")
    written = nib.load(tmp_path / "y.nii")
    np.testing.assert_array_equal(np.asarray(written.dataobj), bright(image.dataobj))
    assert written.header["sform_code"] == 4


def test_a_new_labels_layer_whose_mri_was_closed_keeps_its_place(tmp_path, opened):
    image, layer = opened
    save(new_labels_like(layer), tmp_path / "y.nii")
    written = nib.load(tmp_path / "y.nii")
    assert nib.aff2axcodes(written.affine) == ("S", "A", "R")
    expected = nib.as_closest_canonical(nib.Nifti1Image(bright(image.dataobj), AFFINE))
    again = nib.as_closest_canonical(written)
    np.testing.assert_array_equal(np.asarray(again.dataobj), np.asarray(expected.dataobj))
    np.testing.assert_allclose(again.affine, expected.affine)


def test_a_layer_without_a_place_in_the_scanner_is_not_given_one(tmp_path):
    for data in (np.ones((4, 5, 6), np.uint8), np.ones((4, 5), np.uint8)):
        with pytest.raises(OutputError, match="drawing does not lie on an MRI"):
            save(Labels(data, name="drawing"), tmp_path / "y.nii.gz")
    assert not list(tmp_path.iterdir())


# highdicom's own use of pydicom.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_mask_on_dicom_slices_is_written_as_a_segmentation_of_them(tmp_path, opened):
    highdicom = pytest.importorskip("highdicom")
    scanned = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    write_series(tmp_path / "t2", scanned, AFFINES["axial"])
    ((data, attributes, _),) = read_dicom(str(tmp_path / "t2"))
    names = {"index": [0, 1], "label": ["background", "core"]}
    labels = Labels((data > data.mean()).astype(np.uint8), metadata=attributes["metadata"], features=names)
    assert save(labels, tmp_path / "final.dcm") == [str(tmp_path / "final.dcm")]
    segmentation = highdicom.seg.segread(tmp_path / "final.dcm")
    assert segmentation.get_segment_description(1).segment_label == "core"
    with pytest.raises(OutputError, match="not opened from DICOM"):
        save(new_labels_like(opened[1]), tmp_path / "other.dcm")
