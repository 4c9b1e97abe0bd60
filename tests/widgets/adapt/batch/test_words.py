from __future__ import annotations

from napari_osuda.session.cohort.batch import BatchProgress
from napari_osuda.widgets.adapt.batch import words


def test_how_a_batch_stands_is_said_in_one_sentence():
    assert words.progress_words(BatchProgress(1)) == "0 of 1 patient done."
    failed = (("Berg", "T2 is missing."),)
    said = words.progress_words(BatchProgress(12, done=3, failed=failed, now="Cole"))
    assert said == "3 of 12 patients done, 1 failed. Now: Cole."
    found = words.found_words("study", ["Adam", "Berg"], "/runs/study-batch")
    assert found.startswith("2 patients in study: Adam, Berg. Results")
    assert "p5 and 3 more." in words.found_words("study", [f"p{number}" for number in range(9)], "out")
    assert "3 of 12" in words.left_words("study", BatchProgress(12, done=3))


def test_of_many_failures_the_first_are_named():
    assert words.failed_words([]) == ""
    many = [(f"p{number}", "No T2.") for number in range(9)]
    said = words.failed_words(many)
    assert said.startswith("p0: No T2. p1")
    assert said.endswith("6 more are in the report.")


def test_patients_of_whom_neither_mask_is_recommended_are_named_with_what_is_not_written():
    assert words.exception_words(BatchProgress(2, done=2)) == ""
    said = words.exception_words(
        BatchProgress(3, done=2, failed=(("Cole", "No T2."),), neither=("Adam", "Berg"))
    )
    assert said == (
        "Cole: No T2. Neither mask is recommended: Adam, Berg. No DICOM-SEG is written there: mark by hand."
    )
    many = tuple(f"p{number}" for number in range(9))
    assert "p5 and 3 more." in words.exception_words(BatchProgress(9, done=9, neither=many))
