from __future__ import annotations

import json
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.errors import OsudaError
from napari_osuda.files import sha256_of
from napari_osuda.imaging import read_case
from napari_osuda.models import load_model
from napari_osuda.simulation import shipped
from napari_osuda.simulation.shipped import sample_models, sample_patients, sample_root

FOUR = ["flair", "t1", "t1ce", "t2"]


def test_models_and_patients_are_those_of_the_task() -> None:
    assert set(sample_models()) == {"glioma-four-contrasts", "whole-tumour-t2"}
    contrasts = {name: sorted(patient.images) for name, patient in sample_patients().items()}
    assert contrasts == {
        "low-grade": FOUR,
        "high-grade-other-contrasts": ["flair", "t1", "t1ce"],
        "high-grade-other-scanner": FOUR,
    }


def test_all_samples_together_are_small() -> None:
    size = sum(path.stat().st_size for path in sample_root().rglob("*") if path.is_file())
    assert size <= 25e6


@pytest.mark.parametrize("patient", sample_patients().values(), ids=sample_patients())
def test_images_lie_on_the_references_grid(patient) -> None:
    reference = nib.load(patient.reference)
    for path in patient.images.values():
        image = nib.load(path)
        assert image.shape == reference.shape
        assert image.get_data_dtype() == np.int16
        assert image.header.get_xyzt_units()[0] == "mm"
        for affine, code in (image.get_sform(coded=True), image.get_qform(coded=True)):
            assert code == 1
            np.testing.assert_allclose(affine, reference.affine, atol=1e-4)
        air = np.asarray(image.dataobj) == 0
        # There is air around the head, but for what the field of view may cut off at one side.
        assert all(air.take([0, -1], axis=axis).mean() > 0.97 for axis in range(3))
        assert not np.asarray(reference.dataobj)[air].any()
    # Big enough to be worth adapting to, and no bigger than a tumour can be.
    volume = np.count_nonzero(np.asarray(reference.dataobj)) * np.prod(reference.header.get_zooms()) / 1000
    assert 1 < volume < 250


def test_patients_come_in_several_axis_orders_and_thicknesses() -> None:
    images = {name: nib.load(patient.reference) for name, patient in sample_patients().items()}
    axes = {name: "".join(nib.aff2axcodes(image.affine)) for name, image in images.items()}
    assert len(set(axes.values())) == 3
    assert "RAS" not in axes.values()
    assert images["high-grade-other-scanner"].header.get_zooms()[2] == 5
    assert images["low-grade"].header.get_zooms()[2] == 3


def test_references_hold_the_labels_of_the_models_for_them() -> None:
    patients = sample_patients()
    labels = {name: set(np.unique(nib.load(p.reference).dataobj)) for name, p in patients.items()}
    assert labels["high-grade-other-contrasts"] == {0, 1}
    assert labels["high-grade-other-scanner"] == {0, 1, 2, 4}
    assert {0, 1, 2} <= labels["low-grade"] <= {0, 1, 2, 4}


@pytest.mark.parametrize("name", ["glioma-four-contrasts", "whole-tumour-t2"])
def test_model_folders_load_and_their_weights_are_the_ones_they_name(name) -> None:
    model = load_model(sample_models()[name])
    entry = model.card.raw["weights"]["pytorch_state_dict"]
    assert sha256_of(model.path / entry["source"]) == entry["sha256"] == model.sha256
    assert (model.path / entry["source"]).stat().st_size <= 7e6
    assert model.card.size == (128, 128)
    assert model.card.field_of_view_mm == (240.0, 240.0)
    record = json.loads((sample_root() / "provenance.json").read_text())["models"][name]
    assert record["weights_sha256"] == model.sha256
    assert record["dice_mean"]["WT"] >= 0.85


def test_sample_folders_are_cases_by_their_names() -> None:
    patient = sample_patients()["low-grade"]
    case = read_case(patient.path, ("t1", "t1ce", "t2", "flair"))
    assert case.name == "low-grade"
    assert [source.path.name for source in case.sources] == [
        f"low-grade_{channel}.nii.gz" for channel in case.channels
    ]


def test_an_installed_package_is_looked_at_first(tmp_path, monkeypatch) -> None:
    for place in ("napari_osuda/sample_data", "sample_data"):
        for part in ("models", "patients"):
            (tmp_path / place / part).mkdir(parents=True)
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "napari_osuda" / "simulation" / "shipped.py"))
    assert sample_root() == tmp_path / "napari_osuda" / "sample_data"
    (tmp_path / "napari_osuda" / "sample_data" / "models").rmdir()
    assert sample_root() == tmp_path / "sample_data"
    (tmp_path / "sample_data" / "models").rmdir()
    with pytest.raises(OsudaError, match="make sample-data"):
        sample_root()


def test_finding_samples_loads_nothing_heavy() -> None:
    code = (
        "import sys; from napari_osuda.simulation.shipped import sample_patients; sample_patients();"
        "sys.exit(bool({'torch', 'scipy', 'nilearn', 'nibabel'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
