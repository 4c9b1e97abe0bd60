from __future__ import annotations

import numpy as np
import pytest
from dicom_parts import write_enhanced, write_series
from napari.layers import Layer

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_case
from napari_osuda.imaging.world import from_layer
from napari_osuda.napari_layers.images import get_dicom_reader
from napari_osuda.napari_layers.transforms import grid_of
from napari_osuda.widgets.adapt.inputs.case_of_layers import case_of_layers

AFFINE = np.array([[-0.9, 0, 0, 30], [0, -1.1, 0, 20], [0, 0, 3.0, -10], [0, 0, 0, 1]])


@pytest.fixture
def numbers():
    return np.random.default_rng(0).integers(0, 900, (7, 5, 4)).astype(np.int16)


def open_all(path):
    return [Layer.create(*layer) for layer in get_dicom_reader(str(path))(str(path))]


def test_a_study_opens_as_one_layer_a_series(tmp_path, numbers):
    write_series(tmp_path / "a", numbers, AFFINE, description="t2_tse_tra", number=2)
    write_enhanced(tmp_path / "b" / "IM1", numbers, AFFINE, [3, 1, 0, 2])
    layers = open_all(tmp_path)
    assert [layer.name for layer in layers] == ["t2_tse_tra", "T2 enhanced"]
    layer = layers[0]
    assert layer.axis_labels == ("S", "A", "R")
    np.testing.assert_allclose(layer.scale, (3.0, 1.1, 0.9))
    grid = grid_of(layer)
    np.testing.assert_allclose(grid.affine, AFFINE, atol=1e-6)
    np.testing.assert_array_equal(from_layer(layer.data, layer.metadata), numbers)


@pytest.mark.parametrize(
    ("name", "said"), [(None, "Ax FLAIR"), ("patient 7", "Ax FLAIR"), ("T1, in truth", "T1, in truth")]
)
def test_a_series_that_is_given_as_a_layer_keeps_its_contrast(tmp_path, numbers, name, said):
    write_series(tmp_path, numbers, AFFINE, description="Ax FLAIR")
    (layer,) = open_all(tmp_path)
    layer.name = name or layer.name
    (source,) = case_of_layers({"t2": layer}).sources
    assert source.name == said
    assert source.sha256 == read_case(tmp_path, ["t2"]).sources[0].sha256


def test_a_file_opens_its_whole_series_once(tmp_path, numbers):
    files = [str(path) for path in write_series(tmp_path, numbers, AFFINE)]
    assert get_dicom_reader(files) is not None
    assert len(get_dicom_reader(files)(files)) == 1
    assert open_all(files[1])[0].data.shape == (4, 5, 7)


def test_what_makes_no_volume_is_left_out_and_said(tmp_path, numbers, monkeypatch):
    from napari.utils import notifications

    told = []
    monkeypatch.setattr(notifications, "show_warning", told.append)
    write_series(tmp_path / "whole", numbers, AFFINE)
    write_series(tmp_path / "part", numbers, AFFINE, description="localizer", skip=(1,))
    assert [layer.name for layer in open_all(tmp_path)] == ["t2_tse_tra"]
    assert "localizer" in told[0]
    with pytest.raises(CaseError, match="localizer"):
        open_all(tmp_path / "part")


def test_other_files_and_folders_are_left_to_others(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG" + b"\0" * 300)
    assert get_dicom_reader(str(tmp_path)) is None
    assert get_dicom_reader(str(tmp_path / "picture.png")) is None
