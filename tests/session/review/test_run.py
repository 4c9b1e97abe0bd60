from __future__ import annotations

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from review_parts import AFFINE, masks, write_run

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.session import adapt_case
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.saving import keep_run, save_review
from napari_osuda.session.review.slices import WarningKind, slice_table


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "run", ("case", "other"))


def test_a_run_folder_gives_its_cases(folder):
    run = ReviewRun.of_folder(folder)
    assert run.names == ("case", "other")
    before, after = masks(seed=1)
    review = run.review("other")
    np.testing.assert_array_equal(review.case.before, before)
    np.testing.assert_array_equal(review.case.after, after)
    assert review is run.review("other")
    assert review.case.labels == {0: "background", 1: "core", 3: "edema"}
    images, missing = run.images("other")
    assert [image.channel for image in images] == ["flair"]
    assert missing == []


def test_an_image_that_moved_away_gets_a_sentence(folder):
    run = ReviewRun.of_folder(folder)
    (folder.parent / "case_flair.nii.gz").unlink()
    images, missing = run.images("case")
    assert images == []
    assert "flair of case case is no longer at" in missing[0]


def test_an_image_that_is_another_one_now_gets_a_sentence(folder):
    record = json.loads((folder / "run.json").read_text())
    record["cases"][0]["inputs"][0]["sha256"] = "f" * 64
    (folder / "run.json").write_text(json.dumps(record))
    run = ReviewRun.of_folder(folder)
    images, missing = run.images("case")
    assert len(images) == 1
    assert "has changed since" in missing[0]
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.float32), AFFINE), folder.parent / "case_flair.nii.gz")
    images, missing = run.images("case")
    assert images == []
    assert "another shape" in missing[0]


def test_saving_writes_the_mask_in_the_cases_space_the_table_and_the_record(folder):
    run = ReviewRun.of_folder(folder)
    review = run.review("case")
    assert run.state("case") == "to do"
    review.decide("before", "axial", [1, 2], "A. Reader")
    review.set_flag(True, "axial", [3], "vessel?", "A. Reader")
    assert run.state("case") == "under way"
    path = save_review(run, "case", "A. Reader").path
    written = nib.load(path)
    np.testing.assert_array_equal(np.asarray(written.dataobj), review.final)
    source = nib.load(folder / "before" / "case.nii.gz")
    np.testing.assert_array_equal(written.affine, source.affine)
    assert written.header["sform_code"] == source.header["sform_code"]
    rows = list(csv.DictReader((folder / "final" / "case-slices.csv").read_text().splitlines()))
    axial = [row for row in rows if row["plane"] == "axial"]
    assert len(rows) == 6 + 5 + 4
    assert axial[1]["decision"] == "keep before"
    assert axial[1]["decided_by"] == "A. Reader"
    assert axial[3]["comment"] == "vessel?"
    assert float(axial[1]["ml_final core"]) == float(axial[1]["ml_before core"])
    assert float(axial[1]["position_mm"]) == 3.0
    # The array's first axis runs to the left, and the viewer counts towards the right.
    assert [row["viewer_slice"] for row in rows if row["plane"] == "sagittal"] == list("543210")
    assert [row["viewer_slice"] for row in axial] == list("0123")
    assert run.state("case") == "saved"
    saved = ReviewRun.of_folder(folder).record.saved("case")
    assert (saved["who"], saved["decided"], saved["to_decide"]) == ("A. Reader", 2, 3)
    review.undo()
    assert run.state("case") == "changed since saved"
    assert ReviewRun.of_folder(folder).state("other") == "to do"


def test_scores_are_there_with_a_reference_only(folder):
    run = ReviewRun.of_folder(folder)
    assert run.scores("case") == {}
    run.references["case"] = run.review("case").case.before
    run.review("case").decide("before", None)
    scores = run.scores("case")
    assert scores["before"][0].dice == scores["final"][0].dice == 1.0
    assert scores["after"][0].dice < 1


def test_a_run_that_just_ended_is_reviewed_from_memory_and_written_when_asked(
    tmp_path, model, case, reference
):
    result = adapt_case(model, case, references=[reference], config=_quick())
    run = ReviewRun.of_result(result)
    review = run.review(case.name)
    assert review.case.before is result.cases[0].before
    assert [image.channel for image in run.images(case.name)[0]] == ["t2"]
    assert set(run.scores(case.name)) == {"before", "after", "final"}
    review.decide("before", None, who="A. Reader")
    with pytest.raises(OutputError, match="choose one"):
        save_review(run, case.name, "A. Reader")
    keep_run(run, tmp_path / "run")
    save_review(run, case.name, "A. Reader")
    again = ReviewRun.of_folder(tmp_path / "run")
    np.testing.assert_array_equal(again.review(case.name).final, result.cases[0].before)
    assert again.state(case.name) == "saved"


def _quick():
    from napari_osuda.method import AdaptationConfig

    return AdaptationConfig(iterations=1, batch_size=4)


def test_what_is_no_run_folder_gets_a_sentence(tmp_path, folder):
    with pytest.raises(CaseError, match=r"no run\.json"):
        ReviewRun.of_folder(tmp_path)
    (folder / "run.json").write_text("{}")
    with pytest.raises(CaseError, match="cannot be read as the record of a run"):
        ReviewRun.of_folder(folder)


def test_a_case_that_leads_out_of_the_folder_is_refused(folder):
    record = json.loads((folder / "run.json").read_text())
    record["cases"][0]["name"] = "../case"
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(CaseError, match="cannot be the name of a file"):
        ReviewRun.of_folder(folder)


def test_a_run_without_adapted_masks_gets_a_sentence(folder):
    for name in ("case", "other"):
        (folder / "after" / f"{name}.nii.gz").unlink()
    with pytest.raises(CaseError, match="nothing to review"):
        ReviewRun.of_folder(folder)


def test_the_table_says_what_a_slice_holds(folder):
    review = ReviewRun.of_folder(folder).review("case")
    table = slice_table(review.case, "coronal")
    before, after = review.case.before[:, 2], review.case.after[:, 2]
    assert table.change.changed[2] == np.count_nonzero(before != after)
    assert table.change.area_after_mm2[2, 1] == np.count_nonzero(after == 3) * 2.0 * 3.0
    same = np.count_nonzero((before == after) & (before != 0))
    assert table.dice[2] == pytest.approx(2 * same / (np.count_nonzero(before) + np.count_nonzero(after)))
    assert table.position_mm.tolist() == [0, 1.5, 3, 4.5, 6]


def test_an_uncertainty_map_is_read_where_the_run_kept_one(folder):
    before, _ = masks()
    doubt = np.full(before.shape, 0.25, np.float32)
    doubt[..., 2] = 0.75
    (folder / "uncertainty").mkdir()
    nib.save(nib.Nifti1Image(doubt, AFFINE), folder / "uncertainty" / "case.nii.gz")
    table = slice_table(ReviewRun.of_folder(folder).review("case").case, "axial")
    assert table.uncertainty is not None
    np.testing.assert_allclose(table.uncertainty, [0, 0.25, 0.75, 0.25])
    assert table.uncertain.tolist() == [False, False, True, False]
    assert slice_table(ReviewRun.of_folder(folder).review("other").case, "axial").uncertainty is None


def test_slices_where_the_masks_contradict_each_other_are_pointed_out(folder):
    import dataclasses

    shape = (40, 40, 5)
    before, after = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    before[:20, :20, 1] = before[:20, :20, 2] = before[:20, :20, 3] = 1
    after[:20, :20, 1] = after[20:, 20:, 2] = after[:4, :4, 3] = after[:20, :20, 4] = 1
    case = ReviewRun.of_folder(folder).review("case").case
    from napari_osuda.imaging import Grid

    case = dataclasses.replace(case, before=before, after=after, grid=Grid(shape, AFFINE))
    warnings = slice_table(case, "axial").warnings
    kinds = [None if warning is None else warning.kind for warning in warnings]
    expected = [None, None, WarningKind.APART, WarningKind.SMALLER, WarningKind.ORIGINAL_EMPTY]
    assert kinds == expected
    assert warnings[3] is not None
    assert (warnings[3].before_mm2, warnings[3].after_mm2) == (1200.0, 48.0)
    swapped = slice_table(dataclasses.replace(case, before=after, after=before), "axial").warnings
    kinds = [None if warning is None else warning.kind for warning in swapped]
    assert kinds == [None, None, WarningKind.APART, WarningKind.LARGER, WarningKind.ADAPTED_EMPTY]
