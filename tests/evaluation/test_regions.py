import numpy as np
import pytest

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.evaluation import (
    REGIONS,
    evaluate,
    labels_outside,
    region_masks,
    require_scorable,
    resolve_regions,
)


def test_brats_presets_are_the_published_unions():
    assert REGIONS["brats2021"] == {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)}
    assert REGIONS["brats2023"] == {"WT": (1, 2, 3), "TC": (1, 3), "ET": (3,)}


def test_masks_are_the_unions():
    masks = region_masks(np.array([0, 1, 2, 4]), REGIONS["brats2021"])
    assert masks["WT"].tolist() == [False, True, True, True]
    assert masks["TC"].tolist() == [False, True, False, True]
    assert masks["ET"].tolist() == [False, False, False, True]


def test_each_takes_the_labels_of_both_volumes():
    regions = resolve_regions("each", np.array([0, 1, 1], np.uint8), np.array([0, 300, 0], np.int16))
    assert regions == {"label 1": (1,), "label 300": (300,)}


def test_a_card_brings_its_own():
    assert resolve_regions({"lesion": [1, 3]}) == {"lesion": (1, 3)}


@pytest.mark.parametrize("regions", ["brats2022", {}, {"WT": []}])
def test_unusable_regions_are_named(regions):
    with pytest.raises(ConfigError, match=r"brats2022.*brats2021, brats2023, each|No region|WT"):
        resolve_regions(regions)


def test_a_label_of_2023_with_the_values_of_2021_is_refused():
    # Unnoticed, both enhancing masks would be empty: a Dice of 1.
    with pytest.raises(CaseError, match=r"3.*brats2023"):
        resolve_regions("brats2021", np.array([0, 1, 2, 3]))


def test_labels_in_no_region_are_listed():
    labels = np.array([0, 1, 4, 9])
    assert labels_outside(REGIONS["brats2023"], labels, np.array([7])) == (4, 7, 9)
    # A resection cavity is legitimate from 2024 on: no error.
    assert resolve_regions("brats2023", labels) == REGIONS["brats2023"]


@pytest.mark.parametrize("regions", ["brats2021", "brats2023", {"WT": (1, 2, 4), "ET": (4,)}])
@pytest.mark.parametrize("side", [0, 1, "both"])
def test_labels_of_another_convention_are_refused_on_either_side(regions, side):
    """Their enhancing tumor would be empty on both sides, for a Dice of 1."""
    other = {"brats2023": 4}.get(regions if isinstance(regions, str) else "", 3)
    plain = np.array([[[0, 1, 2, 2]]], np.uint8)
    foreign = np.array([[[0, 1, 2, other]]], np.uint8)
    masks = [foreign if side in (each, "both") else plain for each in (0, 1)]
    with pytest.raises(CaseError, match=f"{other}"):
        evaluate(*masks, (1, 1, 1), regions)


def test_labels_outside_all_regions_are_named_where_no_region_is_empty():
    cavity = np.array([[[1, 2, 3, 4]]], np.uint8)
    assert require_scorable(resolve_regions("brats2023", cavity), cavity) == (4,)
    assert require_scorable({"WT": (1, 2)}, cavity, known=(3, 4)) == ()
    # A region that a patient does not have is none of another convention.
    assert require_scorable({"WT": (1, 2), "ET": (5,)}, cavity, known=(3, 4)) == ()
