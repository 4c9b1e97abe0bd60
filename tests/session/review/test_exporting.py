from __future__ import annotations

import pytest
from review_parts import write_run

from napari_osuda.errors import OutputError
from napari_osuda.session.review.exporting import NOT_SIGNED, ExportForm, export_file, export_offers
from napari_osuda.session.review.report import write_review_report
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.saving import save_review


def test_only_what_was_signed_can_be_exported(tmp_path):
    run = ReviewRun.of_folder(write_run(tmp_path / "run"))
    review = run.review("case")
    assert {offer.why_not for offer in export_offers(run, "case")} == {NOT_SIGNED}
    review.decide("after", None, who="A. Reader")
    save_review(run, "case", "A. Reader")
    write_review_report(run)
    offers = {offer.form: offer for offer in export_offers(run, "case")}
    assert "not DICOM" in offers.pop(ExportForm.DICOM_SEG).why_not
    assert {offer.why_not for offer in offers.values()} == {""}
    target = tmp_path / "elsewhere" / offers[ExportForm.NIFTI].name
    target.parent.mkdir()
    export_file(offers[ExportForm.NIFTI].source, target)
    assert target.read_bytes() == (tmp_path / "run" / "final" / "case.nii.gz").read_bytes()
    with pytest.raises(OutputError, match="cannot be written"):
        export_file(offers[ExportForm.NIFTI].source, target / "mask.nii.gz")
    review.decide("before", None, who="A. Reader")
    assert {offer.why_not for offer in export_offers(run, "case")} == {NOT_SIGNED}, "another mask by now"
