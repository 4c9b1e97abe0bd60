from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.cli.commands import main


@pytest.fixture
def masks(tmp_path):
    """A reference, a mask that is half of it, and one with another label as well."""
    paths = []
    for name, last, more in (("reference", 8, 0), ("half", 4, 0), ("more", 8, 7)):
        labels = np.zeros((10, 10, 4), np.uint8)
        labels[0:last, 2:6] = 1
        labels[9, 9, 3] = more
        paths.append(str(tmp_path / f"{name}.nii.gz"))
        nib.save(nib.Nifti1Image(labels, np.diag([2.0, 2.0, 3.0, 1.0])), paths[-1])
    return paths


def evaluate(predictions, references, *more) -> int:
    return main(["evaluate", "--prediction", *predictions, "--reference", *references, *more])


def test_each_and_the_mean(masks, capsys):
    reference, half, _ = masks
    assert evaluate([half, reference], [reference, reference]) == 0
    told = capsys.readouterr().out
    assert f"{half}: label 1: Dice 0.6667" in told
    assert "label 1: Dice 0.8333 (sd " in told
    assert "over 2 cases, 0 of them failures" in told


def test_labels_that_no_score_counts_are_told(masks, capsys):
    # Enough of the convention for it to be the right one.
    paths = []
    for file in (masks[2], masks[0]):
        labels = np.asarray(nib.load(file).dataobj).copy()
        labels[0, 0:3, 0] = (1, 2, 4)
        paths.append(file.replace(".nii.gz", "_brats.nii.gz"))
        nib.save(nib.Nifti1Image(labels, np.diag([2.0, 2.0, 3.0, 1.0])), paths[-1])
    assert evaluate([paths[0]], [paths[1]], "--regions", "brats2021") == 0
    assert "labels 7 are in no region" in capsys.readouterr().err


def test_pairs_are_asked_for(masks, capsys):
    assert evaluate(masks[:2], masks[:1]) == 1
    assert "There are 2 predictions for 1 references" in capsys.readouterr().err


def test_masks_with_nothing_to_compare_are_told(masks, tmp_path, capsys):
    files = {}
    for name, value in (("empty", 0), ("white", 255)):
        labels = np.asarray(nib.load(masks[0]).dataobj) * np.uint8(value)
        files[name] = str(tmp_path / f"{name}.nii.gz")
        nib.save(nib.Nifti1Image(labels, np.diag([2.0, 2.0, 3.0, 1.0])), files[name])
    assert evaluate([files["empty"]], [files["empty"]]) == 0
    assert "both empty" in capsys.readouterr().err
    assert evaluate([masks[0]], [files["white"]]) == 0
    assert "no label in common (1 and 255)" in capsys.readouterr().err
    for pair in ((masks[0], masks[2]), (files["empty"], masks[0])):
        assert evaluate(pair[:1], pair[1:]) == 0
        assert "common" not in capsys.readouterr().err


def test_a_table_that_is_there_or_cannot_be_is_refused_before_anything_is_scored(masks, tmp_path, capsys):
    table = tmp_path / "scores.csv"
    table.write_text("last month's")
    for out, said in ((table, "would be overwritten"), (tmp_path / "scores.xlsx", "neither .csv nor .json")):
        assert evaluate(masks[:1], masks[:1], "--out", str(out)) == 1
        told = capsys.readouterr()
        assert said in told.err
        assert "Dice" not in told.out
    assert table.read_text() == "last month's"


def test_one_mask_against_two_references_has_both_scores(masks, tmp_path):
    out = tmp_path / "scores.csv"
    assert evaluate([masks[1], masks[1]], [masks[0], masks[1]], "--out", str(out)) == 0
    rows = out.read_text().splitlines()[1:]
    assert [row.partition('.gz"')[0].rpartition("/")[2] for row in rows] == ["reference.nii", "half.nii"]
