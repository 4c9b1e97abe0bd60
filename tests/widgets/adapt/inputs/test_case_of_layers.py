from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_parts import rewrite, write_series
from napari.layers import Image, Labels

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid, case_from_arrays
from napari_osuda.imaging.world import METADATA_KEY, layer_arguments
from napari_osuda.napari_layers.images import read_dicom
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.widgets.adapt.inputs.case_of_layers import (
    case_name_of_layers,
    case_of_layers,
    folders_of,
    gaps,
    grid_problem,
    layer_of_file,
    layers_of_case,
    reference_of_layer,
    tilted,
    unplaced,
)

SHAPE = (5, 4, 3)
AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


def image(name: str, path: Path | None = None, affine: np.ndarray = AFFINE, kind: type = Image) -> Image:
    """A layer as our reader makes it of a file; its voxels count from 0."""
    values = np.arange(60, dtype=np.float32 if kind is Image else np.uint8).reshape(SHAPE)
    arguments = layer_arguments(Grid(SHAPE, affine))
    if path is not None:
        arguments["metadata"][METADATA_KEY]["path"] = str(path)
    # Axes of a layer are S, A, R; those of the array are L, P, S.
    return kind(np.ascontiguousarray(values.T[:, ::-1, ::-1]), name=name, **arguments)


def saved(path: Path) -> Path:
    nib.save(nib.Nifti1Image(np.arange(60, dtype=np.float32).reshape(SHAPE), AFFINE), path)
    return path


def test_a_case_has_the_files_own_voxels_and_where_they_came_from(tmp_path):
    path = saved(tmp_path / "head_t1.nii.gz")
    case = case_of_layers({"t1": image("head_t1", path)})
    np.testing.assert_array_equal(case.grid.affine, AFFINE)
    (source,) = case.sources
    assert (source.channel, source.path, source.title) == ("t1", path, "head_t1")
    assert len(source.sha256) == 64


def test_a_layer_without_a_file_has_no_checksum():
    (source,) = case_of_layers({"t1": image("drawn")}).sources
    assert source.path is None
    assert source.sha256 is None


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        ((None, None), "first"),
        ((Path("/a/patient7/t1.nii.gz"), Path("/a/patient7/t2.nii.gz")), "patient7"),
        ((Path("/a/patient7/t1/t1.nii"), Path("/a/patient7/t2/t2.nii")), "patient7"),
        ((Path("/a/patient7/t1.nii.gz"), None), "patient7"),
    ],
)
def test_a_case_is_called_by_its_folder_or_its_first_layer(paths, name):
    layers = {"t1": image("first", paths[0]), "t2": image("second", paths[1])}
    assert case_name_of_layers(layers) == name
    assert case_name_of_layers({}) == "case"


def test_a_single_image_is_called_by_its_patient():
    assert case_name_of_layers({"t1": image("layer", Path("/a/patient19/T1.nii.gz"))}) == "patient19"


def test_layers_on_two_grids_are_named_before_any_voxel_is_read():
    moved = AFFINE.copy()
    moved[0, 3] = 40.0
    layers = {"t1": image("head_t1"), "t2": image("other_t2", affine=moved)}
    assert "other_t2" in grid_problem(layers)
    assert grid_problem({"t1": layers["t1"]}) == ""
    with pytest.raises(CaseError, match="other_t2"):
        case_of_layers(layers)


def test_files_of_two_folders_may_be_of_two_patients():
    one, other = image("a", Path("/p7/a.nii")), image("b", Path("/p8/b.nii"))
    assert folders_of({"t1": one, "t2": other}) == ("p7", "p8")
    assert folders_of({"t1": one}) == ()
    assert folders_of({"t1": one, "t2": image("c")}) == ()


def test_the_layer_that_is_tilted_most_is_told():
    straight, slanted = image("straight"), image("slanted")
    assert tilted({"a": straight}) is None
    slanted.metadata[METADATA_KEY]["oblique_degrees"] = 12.5
    assert tilted({"a": straight, "b": slanted}) == ("slanted", 12.5)


def test_a_mask_of_ours_is_not_taken_for_the_file_it_lies_on(tmp_path):
    path = tmp_path / "t1.nii.gz"
    mask, layer = image("mask", path), image("t1", path)
    mask.metadata[RESULT_KEY] = "after"
    assert layer_of_file([mask, layer], path.absolute()) is layer
    assert layer_of_file([mask], path.absolute()) is None


def test_the_open_layers_of_a_case_are_its_image_and_those_of_its_files(tmp_path):
    first, second = (image(n, saved(tmp_path / f"{n}.nii.gz")) for n in ("t1", "t2"))
    case = case_of_layers({"t1": first, "t2": second})
    assert layers_of_case([first, second], case, first) == [first, second]
    assert layers_of_case([second], case, None) == [second]


def test_a_reference_is_brought_to_the_cases_grid_or_refused():
    case = case_from_arrays("case", {"t1": np.zeros(SHAPE, np.float32)}, Grid(SHAPE, AFFINE))
    drawn = image("drawn", kind=Labels)
    np.testing.assert_array_equal(reference_of_layer(drawn, case), np.arange(60).reshape(SHAPE))
    moved = AFFINE.copy()
    moved[2, 3] = 90.0
    with pytest.raises(CaseError, match="another"):
        reference_of_layer(image("another", affine=moved, kind=Labels), case)


def test_a_layer_that_does_not_say_how_it_lies_is_told():
    plain = Image(np.zeros((3, 4, 5)), name="plain")
    assert unplaced({"a": plain, "b": image("placed")}) == ("plain",)


def dicom_layer(folder, k=1, **elements):
    """An MRI opened from DICOM: slices of 3 mm, every k-th of them."""
    affine = np.diag([-1.0, -1.0, 3.0 * k, 1.0])
    values = np.random.default_rng(0).integers(1, 900, (6, 5, 4)).astype(np.int16)
    for file in write_series(folder, values, affine):
        rewrite(file, SliceThickness=3.0, **elements)
    ((data, arguments, _),) = read_dicom(str(folder))
    return Image(data, **arguments)


def test_slices_of_dicom_that_may_be_missing_are_asked_for(tmp_path):
    whole, thinned = dicom_layer(tmp_path / "a"), dicom_layer(tmp_path / "b", k=2, InstanceNumber=None)
    assert gaps({"t2": whole}) is None
    assert gaps({"t1": whole, "t2": thinned}) == ("t2_tse_tra", 3.0, 6.0)
    assert case_of_layers({"t2": thinned}).sources[0].has_gaps


@pytest.mark.parametrize(
    ("element", "sentence"),
    [("FrameOfReferenceUID", "different frames of reference"), ("PatientID", "of two patients")],
)
def test_a_reference_on_the_image_of_another_patient_or_visit_is_refused(tmp_path, element, sentence):
    own, other = dicom_layer(tmp_path / "a"), dicom_layer(tmp_path / "b", **{element: "1.2.3"})
    case = case_of_layers({"t2": own})
    drawn = {layer: Labels(np.ones(own.data.shape, int), metadata=layer.metadata) for layer in (own, other)}
    assert reference_of_layer(drawn[own], case).all()
    with pytest.raises(CaseError, match=sentence):
        reference_of_layer(drawn[other], case)
    with pytest.raises(CaseError, match=sentence):
        case_of_layers({"t1": own, "t2": other})
