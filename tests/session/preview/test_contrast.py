from __future__ import annotations

import dataclasses

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.imaging import SliceStack, read_case
from napari_osuda.method import preset
from napari_osuda.session import Job, contrast_previews, predict_case, slice_spec
from napari_osuda.session.preview.contrast import _as_seen


@pytest.fixture
def turned_job(model, patient, tmp_path):
    """The patient's image with bright and dark exchanged and a name that says so."""
    image = nib.load(patient / "patient_t2.nii.gz")
    data = np.asarray(image.dataobj)
    path = tmp_path / "patient_t1.nii.gz"
    dark = np.where(data != 0, data.max() + 50 - data, 0).astype(np.float32)
    nib.save(nib.Nifti1Image(dark, image.affine), path)
    return Job(model, (read_case({"t2": path}, ["t2"]),))


def test_both_ways_are_what_a_run_would_see(turned_job, model, case):
    config = preset("osuda", precision="float32")
    as_it_is, changed = contrast_previews(dataclasses.replace(turned_job, config=config), index=4)
    assert (as_it_is.contrast, as_it_is.maps) == ("off", None)
    assert (changed.contrast, changed.maps) == ("inverted", ("inverted",))
    assert changed.distance < 0.5 * as_it_is.distance
    stack = SliceStack(case, slice_spec(model.card))
    straight = stack.slices([4])[0, 0]
    head = straight != 0
    # Turned back it is the image that the model knows, to the rounding of two z-scores.
    seen = changed.picture[::-1, ::-1].T
    np.testing.assert_allclose(seen[head], straight[head], atol=1e-3)
    np.testing.assert_array_equal(changed.labels.sum(), stack_labels(model, case, stack, 4).sum())


def test_an_image_without_a_file_is_offered_as_what_it_is_called(turned_job):
    (case,) = turned_job.cases
    for title, contrast in (
        ("FLAIR", "fluid_bright"),
        ("Ax T1 +C", "inverted"),
        ("patient 7", "inverted"),
    ):
        sources = (dataclasses.replace(case.sources[0], path=None, title=title),)
        job = dataclasses.replace(turned_job, cases=(dataclasses.replace(case, sources=sources),))
        assert contrast_previews(job)[1].contrast == contrast


def stack_labels(model, case, stack, index):
    """The whole mask's slice, on the network's grid, which here is the case's."""
    plane = SliceStack(
        dataclasses.replace(
            case, data=predict_case(model, case, precision="float32")[None].astype(np.float32)
        ),
        dataclasses.replace(stack.spec, normalization="none"),
    )
    return plane.slices([index])[0, 0]


def test_a_slice_without_brain_gives_way_to_the_middle(turned_job):
    shape = turned_job.cases[0].grid.shape
    first, _ = contrast_previews(turned_job, index=0)
    middle, _ = contrast_previews(turned_job)
    stack = SliceStack(turned_job.cases[0], slice_spec(turned_job.model.card))
    assert len(stack) in shape
    if not stack.foreground[0]:
        np.testing.assert_array_equal(first.picture, middle.picture)
    assert (middle.picture != 0).any()


@pytest.mark.parametrize(
    ("codes", "up", "left"),
    [("RA", "A", "R"), ("LP", "A", "R"), ("RS", "S", "R"), ("AS", "S", "A"), ("SP", "S", "A")],
)
def test_front_or_top_is_up_and_right_or_front_on_the_left(codes, up, left):
    opposite = dict(zip("RLAPSI", "LRPAIS", strict=True))
    ramps = {}
    for letter in (up, left):
        axis = next(i for i, code in enumerate(codes) if code in (letter, opposite[letter]))
        ramp = np.arange(4, dtype=np.float32) * (1 if codes[axis] == letter else -1)
        ramps[letter] = _as_seen(np.broadcast_to(np.expand_dims(ramp, 1 - axis), (4, 4)).copy(), list(codes))
    # What grows towards ``up`` falls from the first row to the last, and so from left to right.
    assert (np.diff(ramps[up], axis=0) < 0).all()
    assert (np.diff(ramps[left], axis=1) < 0).all()
