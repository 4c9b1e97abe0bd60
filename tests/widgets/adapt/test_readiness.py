from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image

from napari_osuda.imaging import Grid
from napari_osuda.imaging.world import layer_arguments
from napari_osuda.widgets.adapt.readiness import readiness


def model(channels=("t2",), spatial_dims=2):
    return SimpleNamespace(card=SimpleNamespace(channels=channels, spatial_dims=spatial_dims))


def image(name, shape=(3, 4, 5)):
    """As our reader would open it."""
    return Image(np.zeros(shape), name=name, **layer_arguments(Grid(shape[::-1], np.eye(4))))


def test_what_is_missing_is_said_in_the_order_in_which_it_is_chosen():
    assert readiness(None, {}, (), "names").why_not == "choose a source model"
    assert readiness(model(), {}, ("t2",), "names").why_not == "choose the image for t2"
    ready = readiness(model(), {"t2": image("head_t2")}, (), "names")
    assert ready.why_not == ""
    assert ready.remarks == ()
    assert not ready.doubtful


def test_images_on_other_grids_are_told_before_a_run():
    layers = {"t1": image("head_t1"), "t2": image("head_t2", shape=(3, 4, 6))}
    ready = readiness(model(("t1", "t2")), layers, (), "names")
    assert ready.why_not == ""
    assert "'head_t2' is resampled to the voxels of 'head_t1'" in ready.remarks[-1]


def test_as_many_voxels_elsewhere_are_used_only_on_a_chosen_grid():
    moved = image("head_t2")
    del moved.metadata["napari_osuda"]
    moved.translate = (9, 0, 0)
    layers = {"t1": image("head_t1"), "t2": moved}
    assert "head_t2" in readiness(model(("t1", "t2")), layers, (), "names").why_not
    assert readiness(model(("t1", "t2")), layers, (), "names", chosen_grid=True).why_not == ""


@pytest.mark.parametrize(
    ("contrast", "said"),
    [("names", "is converted"), ("inverted", "is converted"), ("off", "stays as it is")],
)
def test_another_contrast_is_told_with_what_is_done_for_it(contrast, said):
    ready = readiness(model(), {"t2": image("head_flair")}, (), contrast)
    assert ready.substituted
    assert ready.doubtful
    assert "FLAIR is used in place of T2" in ready.remarks[0]
    assert said in ready.remarks[0]


def test_a_conversion_is_only_announced_where_there_is_one():
    # T1 with contrast agent in place of T1 without: the names ask for no map.
    ready = readiness(model(("t1",)), {"t1": image("head_t1ce")}, (), "names")
    assert ready.substituted
    assert "stays as it is" in ready.remarks[0]


def test_an_image_of_unknown_contrast_is_doubtful_but_no_substitute():
    ready = readiness(model(), {"t2": image("scan")}, (), "names")
    assert ready.doubtful
    assert not ready.substituted
    assert ready.remarks == ()
    assert not readiness(model(spatial_dims=3), {"t2": image("scan")}, (), "names").doubtful


def test_an_image_that_does_not_say_how_it_lies_is_told():
    plain = Image(np.zeros((3, 4, 5)), name="head_t2")
    (remark,) = readiness(model(), {"t2": plain}, (), "names").remarks
    assert remark.startswith("The file of 'head_t2' does not give the patient's directions")


def test_no_remark_is_longer_than_a_sentence_may_be():
    layers = {"t2": image("head_flair"), "t1": image("head_t1ce")}
    layers["t1"].metadata["napari_osuda"]["oblique_degrees"] = 12.3
    for remark in readiness(model(("t2", "t1")), layers, (), "names").remarks:
        assert all(len(sentence.split()) <= 25 for sentence in remark.split(". "))
