"""Names of BIDS, and what people write to choose among them."""

import pytest

from napari_osuda.errors import ConfigError
from napari_osuda.imaging import modality_of
from napari_osuda.imaging.finding.bids import entities_of, parse_entities


@pytest.mark.parametrize(
    ("name", "entities"),
    [
        ("sub-01_T1w.nii.gz", {"sub": "01"}),
        ("sub-01_ses-pre_acq-3D_ce-gad_run-02_T1w.nii", {"sub": "01", "ses": "pre", "acq": "3D",
                                                          "ce": "gad", "run": "02"}),
        ("T1w.nii.gz", {}), ("t1-pre_sub-01.nii", {}), ("patient_sub-01_T1w.nii", {}),
    ],
)  # fmt: skip
def test_entities(name, entities):
    assert entities_of(name) == entities


@pytest.mark.parametrize(
    ("name", "contrast"),
    [
        ("sub-01_T1w", "t1"), ("sub-01_ce-gadolinium_T1w", "t1ce"), ("sub-01_ses-1_FLAIR", "flair"),
        ("sub-01_acq-postcontrast_T1w", "t1ce"), ("sub-01_acq-gd_T1w", "t1ce"), ("sub-01_acq-CE_T1w", "t1ce"),
        ("sub-01_acq-precontrast_T1w", "t1"), ("sub-01_acq-mprage_T1w", "t1"), ("sub-01_acq-FLAIR_T1w", "t1"),
        ("sub-01_acq-space_T1w", "t1"), ("sub-01_acq-3DCE_T1w", "t1ce"), ("sub-01_rec-postproc_T1w", "t1"),
        ("sub-01_space-T1w_FLAIR", "flair"), ("sub-01_desc-preproc_T2w", "t2"), ("sub-01_PDw", "pd"),
        ("sub-01_T2starw", "t2star"), ("sub-01_T1map", None), ("sub-01_task-rest_bold", None),
    ],
)  # fmt: skip
def test_the_contrast_of_a_bids_name(name, contrast):
    assert modality_of(f"{name}.nii.gz") == contrast


@pytest.mark.parametrize("item", ["ses=pre", "ses-pre", "session=pre", "ses=ses-pre"])
def test_entities_as_people_write_them(item):
    assert parse_entities([item]) == {"ses": "pre"}


@pytest.mark.parametrize("item", ["pre", "colour=red", "run="])
def test_what_is_no_entity_is_refused(item):
    with pytest.raises(ConfigError, match="not an entity of BIDS"):
        parse_entities([item])
