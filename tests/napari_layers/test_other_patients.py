from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_osuda.imaging.world import METADATA_KEY
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.napari_layers.other_patients import images_of_others

PATHS = [Path("a/patient1/patient1_flair.nii.gz")]


@pytest.fixture
def viewer():
    from napari.components import ViewerModel

    return ViewerModel()


def image(viewer, path="", **more):
    metadata = {METADATA_KEY: {"path": path}} if path else {}
    return viewer.add_image(np.zeros((3, 4, 5)), metadata=metadata, **more)


@pytest.mark.parametrize(
    ("path", "is_other"),
    [
        ("a/patient1/patient1_t1.nii.gz", False),
        ("derivatives/patient1/T1.nii.gz", False),
        ("a/patient2/patient2_flair.nii.gz", True),
        ("a/patient1/patient2_flair.nii.gz", True),
        ("", True),
    ],
)
def test_an_image_over_the_case_is_anothers_unless_it_says_the_same_patient(viewer, path, is_other):
    own = image(viewer, str(PATHS[0]))
    over = image(viewer, path)
    assert images_of_others(viewer, [own], PATHS) == [over] * is_other


def test_what_is_hidden_covered_or_ours_hides_no_case(viewer):
    under = image(viewer)
    own = image(viewer, str(PATHS[0]))
    image(viewer, visible=False)
    image(viewer, opacity=0)
    viewer.add_image(np.zeros((3, 4, 5)), metadata={RESULT_KEY: "preview"})
    viewer.add_labels(np.zeros((3, 4, 5), int))
    assert images_of_others(viewer, [own], PATHS) == []
    for shine_through in ({"blending": "additive"}, {"opacity": 0.5}, {"visible": False}):
        for key, value in shine_through.items():
            setattr(own, key, value)
        assert images_of_others(viewer, [own], PATHS) == [under]
        own.blending, own.opacity, own.visible = "translucent", 1, True
    viewer.canvas.grid.enabled = True
    assert images_of_others(viewer, [own], PATHS) == [under], "they are seen beside each other"


@pytest.mark.parametrize(
    ("own_path", "same", "other", "said"),
    [
        # What the files say comes first, wherever they lie.
        (
            "inbox/today/1.dcm",
            "inbox/last_year/study/2.dcm",
            "inbox/today/3.dcm",
            {"1": "A", "2": "A", "3": "B"},
        ),
        # Where they say nothing, the folders of a patient's series lie together.
        ("scans/p1/series1/1.dcm", "scans/p1/series2/1.dcm", "scans/p2/series1/1.dcm", {"1": ""}),
    ],
)
def test_series_of_dicom_are_of_one_patient(viewer, monkeypatch, own_path, same, other, said):
    room = "napari_osuda.napari_layers.other_patients"
    monkeypatch.setattr(f"{room}.is_dicom", lambda path: True)
    monkeypatch.setattr(f"{room}.header_of", lambda path: SimpleNamespace(patient=said[path.stem]))
    own = image(viewer, own_path)
    image(viewer, same)
    assert images_of_others(viewer, [own], [Path(own_path)]) == []
    another = image(viewer, other)
    assert images_of_others(viewer, [own], [Path(own_path)]) == [another]


@pytest.mark.parametrize(
    ("name", "is_other"),
    [
        ("gaussian(patient1_flair)", False),
        ("Patient1 smoothed", False),
        ("patient12_flair", True),
        ("patient1-2_flair", True),
        ("xpatient1", True),
        ("flair", True),
    ],
)
def test_what_a_filter_has_made_of_the_case_is_of_the_case(viewer, name, is_other):
    own = image(viewer, str(PATHS[0]), scale=(1, 2, 3))
    made = image(viewer, name=name, scale=(1, 2, 3))
    assert images_of_others(viewer, [own], PATHS) == [made] * is_other


def test_a_patients_name_on_other_voxels_says_nothing(viewer):
    own = image(viewer, str(PATHS[0]), scale=(1, 2, 3))
    moved = image(viewer, name="patient1 moved", scale=(1, 2, 3), translate=(5, 0, 0))
    larger = viewer.add_image(np.zeros((3, 4, 6)), name="patient1 larger", scale=(1, 2, 3))
    assert images_of_others(viewer, [own], PATHS) == [larger, moved]
