from __future__ import annotations

from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_osuda
from napari_osuda.errors import OsudaError
from napari_osuda.napari_layers import samples
from napari_osuda.simulation.shipped import sample_patients

PACKAGE = Path(napari_osuda.__file__).parent


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(PACKAGE / "napari.yaml")


def test_every_command_leads_to_something(manifest):
    manifest.validate_imports()
    for command in manifest.contributions.commands:
        assert command.id.startswith("napari-osuda.")


def test_widgets_have_the_names_of_the_contract(manifest):
    assert {w.display_name for w in manifest.contributions.widgets} >= {"OSUDA: Adapt", "OSUDA: Monitor"}


def test_the_manifest_at_the_top_is_the_one_that_is_installed():
    top = PACKAGE.parent / "napari.yaml"
    if not top.exists():
        pytest.skip("not a checkout")
    assert top.read_text() == (PACKAGE / "napari.yaml").read_text()


def test_every_shipped_patient_is_a_sample(manifest):
    try:
        patients = sample_patients()
    except OsudaError:
        pytest.skip("the sample data are not built")
    if not patients:
        pytest.skip("the sample data are not built")
    keys = [sample.key for sample in manifest.contributions.sample_data]
    assert sorted(keys) == sorted(patients)
    for key in keys:
        *images, reference = getattr(samples, key.replace("-", "_"))()
        assert {name for _, arguments, _ in images for name in [arguments["name"]]} == set(
            patients[key].images
        )
        assert reference[2] == "labels"
        assert all(data.shape == reference[0].shape for data, _, _ in images)
