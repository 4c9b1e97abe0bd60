from __future__ import annotations

import dataclasses

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_osuda.imaging import read_case
from napari_osuda.method import preset
from napari_osuda.session import adapt_case
from napari_osuda.session.api import make_job
from napari_osuda.session.guard.estimate import fitted
from napari_osuda.session.run import contrast, recognition
from napari_osuda.session.run.recognition import expected_gain, is_useless, maps_to_try, recognized_map

SHORT = preset("osuda", iterations=2, batch_size=4)


@pytest.fixture
def turned(patient, tmp_path):
    """The patient's image with bright and dark exchanged, as a T1, read for the model's T2."""
    image = nib.load(patient / "patient_t2.nii.gz")
    data = np.asarray(image.dataobj)
    dark = np.where(data != 0, data.max() + 50 - data, 0).astype(np.float32)
    path = tmp_path / "patient_t1.nii.gz"
    nib.save(nib.Nifti1Image(dark, image.affine), path)
    return read_case({"t2": path}, ["t2"])


def called(case, title):
    """The case as of a viewer's layer that came from no file."""
    sources = tuple(dataclasses.replace(s, path=None, sha256=None, title=title) for s in case.sources)
    return dataclasses.replace(case, sources=sources)


def test_an_image_that_no_name_tells_is_recognized_by_its_look(model, case, turned, reference):
    unnamed = called(turned, "patient 7")
    result = adapt_case(model, unnamed, SHORT, references=[reference])
    assert result.intensity_maps == ("inverted",)
    assert any("does not look like T2" in note.text for note in result.notes)
    assert result.cases[0].scores_after[0].dice > result.cases[0].scores_before[0].dice + 0.2
    # What looks as it should is left alone.
    assert adapt_case(model, called(case, "patient 7"), SHORT).intensity_maps is None


def test_an_image_that_is_not_what_its_name_says_is_recognized(model, case, turned, monkeypatch):
    wrong = called(turned, "T2 axial")
    # The small network's mask is no worse than some others; with nothing to lose, it is looked at closely.
    assert adapt_case(model, wrong, SHORT).intensity_maps is None
    monkeypatch.setattr(contrast, "is_useless", lambda job, network: True)
    result = adapt_case(model, wrong, SHORT)
    assert result.intensity_maps == ("inverted",)
    assert any("does not look like T2" in note.text for note in result.notes)
    assert adapt_case(model, wrong, SHORT.replace(contrast="names")).intensity_maps is None
    assert adapt_case(model, called(case, "T2 axial"), SHORT).intensity_maps is None


def test_a_mask_is_useless_below_the_guards_least(model, case, monkeypatch):
    job = make_job(model, case, SHORT)
    told = []
    for least in (0.0, 1.0):
        estimator = dataclasses.replace(fitted(), useless=least)
        monkeypatch.setattr(recognition, "fitted", lambda estimator=estimator: estimator)
        told.append(is_useless(job, model.network))
    assert told == [False, True]


def test_only_a_network_of_one_known_contrast_is_helped(model, turned):
    unknown = dataclasses.replace(model, card=model.card.model_copy(update={"channels": ("PET",)}))
    case = dataclasses.replace(called(turned, "patient 7"), channels=("PET",))
    job = make_job(unknown, case, SHORT)
    assert maps_to_try(job) == ()
    assert recognized_map(job, model.network, ()) is None
    assert adapt_case(unknown, case, SHORT).intensity_maps is None


def test_a_map_that_makes_the_mask_better_is_told_from_one_that_does_not(model, case, turned):
    def gain(given, maps=("inverted",)):
        return expected_gain(make_job(model, given, SHORT), model.network, maps)

    assert gain(turned) > 0 > gain(case)
    # Two channels are not looked at, as their maps could be right one by one.
    assert gain(turned, ("inverted", "identity")) is None


@pytest.mark.parametrize(
    ("distance", "gain", "mapped"),
    [
        # On real MRI the right map may take the statistics further from the network's: the mask decides.
        (3.0, -0.1, True),
        (3.0, -0.2, False),
        (1.6, -0.2, False),
        (1.4, -0.2, True),
        # Where it cannot be asked, the statistics decide.
        (1.7, None, True),
        (3.0, None, False),
    ],
)
def test_a_name_is_contradicted_by_statistics_and_mask(model, turned, monkeypatch, distance, gain, mapped):
    monkeypatch.setattr(contrast, "mean_distance", lambda job, net, device, maps: distance if maps else 1.0)
    monkeypatch.setattr(contrast, "expected_gain", lambda job, net, maps: gain)
    maps, note = contrast.choose_maps(make_job(model, turned, SHORT), model.network, torch.device("cpu"))
    assert (maps == ("inverted",)) is mapped
    told = "the expected Dice is 0.20 lower" if gain is not None else "fits the model far better"
    assert (told in note.text) is not mapped
