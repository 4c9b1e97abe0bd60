from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.imaging.world import METADATA_KEY
from napari_osuda.widgets.adapt.inputs.matching import guess, missing_channels, patient_folder


def layers(*names):
    return [SimpleNamespace(name=name, metadata={}) for name in names]


@pytest.mark.parametrize(
    ("names", "channels", "found"),
    [
        (("a_t1", "a_t2"), ("t2", "t1"), {"t2": "a_t2", "t1": "a_t1"}),
        (("a_t1", "b_t1"), ("t1",), {"t1": "b_t1"}),
        (("a_t1",), ("t1", "t2"), {"t1": "a_t1"}),
        (("a_t1", "a_flair"), ("t2",), {"t2": "a_flair"}),
        (("scan",), ("t2",), {"t2": "scan"}),
        ((), ("t2",), {}),
    ],
)
def test_images_are_found_by_name_the_newest_first(names, channels, found):
    assert {channel: layer.name for channel, layer in guess(layers(*names), channels).items()} == found


FOUR = ("t1", "t1ce", "t2", "flair")


def of_files(*paths):
    """Layers of files as our reader calls them."""
    metadata = [{METADATA_KEY: {"path": path}} for path in paths]
    return [
        SimpleNamespace(name=Path(path).name.removesuffix(".nii.gz"), metadata=known)
        for path, known in zip(paths, metadata, strict=True)
    ]


@pytest.mark.parametrize(
    ("paths", "channels", "found"),
    [
        # A folder for each patient: what the newest lacks is not taken from another, whatever is asked for.
        (("/p7/T1", "/p7/T2", "/p8/T1"), FOUR, {"t1": "/p8/T1"}),
        (("/p7/T2", "/p8/T1"), FOUR, {"t1": "/p8/T1"}),
        (("/p7/T2", "/p8/FLAIR"), ("t2",), {"t2": "/p8/FLAIR"}),
        # One patient, a folder for each contrast, or one more for the visit's images.
        (("/p7/T1/a", "/p7/T2/a"), ("t1", "t2"), {}),
        (("/p7/T1/a_T1", "/p7/T2/a_T2"), ("t1", "t2"), {"t1": "/p7/T1/a_T1", "t2": "/p7/T2/a_T2"}),
        (("/s-1/anat/a_T1", "/s-2/anat/a_T2"), ("t1", "t2"), {"t2": "/s-2/anat/a_T2"}),
        # All patients in one folder.
        (("/all/a_T1", "/all/a_T2", "/all/b_T1"), ("t1", "t2"), {"t1": "/all/b_T1"}),
        (("/all/a_T1", "/all/b_T1", "/all/b_T2"), ("t1", "t2"), {"t1": "/all/b_T1", "t2": "/all/b_T2"}),
        # One patient whose files are called by the way of the slices.
        (("/p7/sag_T1", "/p7/ax_T2"), ("t1", "t2"), {"t1": "/p7/sag_T1", "t2": "/p7/ax_T2"}),
        (("/p7/T1_a", "/p7/T2_b", "/p7/T2_c"), ("t1", "t2"), {"t1": "/p7/T1_a", "t2": "/p7/T2_c"}),
    ],
)
def test_no_model_is_given_the_images_of_two_patients(paths, channels, found):
    layers = of_files(*(f"{path}.nii.gz" for path in paths))
    chosen = {c: layer.metadata[METADATA_KEY]["path"] for c, layer in guess(layers, channels).items()}
    assert chosen == {channel: f"{path}.nii.gz" for channel, path in found.items()}


@given(st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(FOUR)), min_size=1, unique=True))
def test_all_that_is_guessed_is_of_the_patient_that_was_opened_last(opened):
    layers = of_files(*(f"/{patient}/{contrast}.nii.gz" for patient, contrast in opened))
    found = guess(layers, FOUR)
    assert {patient_folder(layer) for layer in found.values()} == {Path("/", opened[-1][0])}
    assert set(found) == {contrast for patient, contrast in opened if patient == opened[-1][0]}


def test_what_a_model_lacks_is_told_but_a_single_channel_takes_any_contrast():
    assert missing_channels(FOUR, ["a_t1", "a_t2"]) == ("t1ce", "flair")
    assert missing_channels(("t2",), ["a_t1"]) == ()
    assert missing_channels(("t2",), []) == ("t2",)
