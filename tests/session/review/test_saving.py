from __future__ import annotations

import csv
import json
import sys

import highdicom
import numpy as np
import pytest
from dicom_parts import write_series
from review_parts import AFFINE, SHAPE, write_run

from napari_osuda.imaging import digest_of, read_volume, write_labels
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.saving import save_review


@pytest.fixture
def of_dicom(tmp_path):
    """A run folder whose image was a DICOM series."""
    folder = write_run(tmp_path / "run")
    image = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)
    write_series(tmp_path / "study" / "flair", image, AFFINE, description="t2_flair_tra")
    volume = read_volume(tmp_path / "study" / "flair")
    run = ReviewRun.of_folder(folder)
    for which, mask in (("before", run.review("case").case.before), ("after", run.review("case").case.after)):
        # A mask of a run lies in the array order of its first image, here the series'.
        write_labels(folder / which / "case.nii.gz", mask, volume.grid)
    record = json.loads((folder / "run.json").read_text())
    record["cases"][0]["inputs"][0] |= {"path": str(volume.path), "sha256": digest_of(volume.path)}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


# highdicom's own use of pydicom.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def test_dicom_in_is_dicom_seg_out(of_dicom):
    run = ReviewRun.of_folder(of_dicom)
    images, missing = run.images("case")
    assert [image.title for image in images] == ["t2_flair_tra"]
    assert missing == []
    run.review("case").decide("before", "axial", [1])
    saved = save_review(run, "case", "A. Reader")
    assert saved.problem == ""
    segmentation = highdicom.seg.segread(saved.segmentation)
    labels = [segmentation.get_segment_description(n).segment_label for n in segmentation.segment_numbers]
    assert labels == ["core", "edema"]
    found = segmentation.get_volume(combine_segments=True)
    final = run.review("case").final
    assert [(found.array == k).sum() for k in (1, 2)] == [(final == v).sum() for v in (1, 3)]
    row = run.record.saved("case")
    assert row["dicom_seg"] == "final/case-seg.dcm"
    assert len(row["dicom_seg_sha256"]) == 64


def test_a_slice_that_changed_since_is_noticed(of_dicom):
    path = next((of_dicom.parent / "study" / "flair").iterdir())
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    _, missing = ReviewRun.of_folder(of_dicom).images("case")
    assert "has changed since" in missing[0]


def test_without_the_extra_the_nifti_is_saved_and_it_is_said(of_dicom, monkeypatch):
    run = ReviewRun.of_folder(of_dicom)
    save_review(run, "case", "A. Reader")
    monkeypatch.setitem(sys.modules, "highdicom", None)
    saved = save_review(run, "case", "A. Reader")
    assert saved.path.is_file()
    assert "pip install 'napari-osuda[dicom]'" in saved.problem
    assert not (of_dicom / "final" / "case-seg.dcm").exists(), "one of an earlier mask would mislead"
    assert "dicom_seg" not in run.record.saved("case")


def test_other_images_get_no_segmentation(tmp_path):
    run = ReviewRun.of_folder(write_run(tmp_path / "run"))
    saved = save_review(run, "case", "A. Reader")
    assert (saved.segmentation, saved.problem) == (None, "")
    assert sorted(p.name for p in (tmp_path / "run" / "final").iterdir()) == [
        "case-slices.csv", "case.nii.gz",
    ]  # fmt: skip


def test_the_table_says_what_is_wrong_where_there_is_a_reference(tmp_path):
    run = ReviewRun.of_folder(write_run(tmp_path / "run"))
    case = run.review("case").case
    save_review(run, "case", "A. Reader")
    table = tmp_path / "run" / "final" / "case-slices.csv"
    assert "reference" not in table.read_text()
    run.references["case"] = case.before
    save_review(run, "case", "A. Reader")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["wrong_before (reference)"] for row in rows} == {"0"}
    axial = [int(row["wrong_after (reference)"]) for row in rows if row["plane"] == "axial"]
    assert axial == np.count_nonzero(case.after != case.before, axis=(0, 1)).tolist()
