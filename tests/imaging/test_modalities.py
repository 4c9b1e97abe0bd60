from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging.modalities import channel_caption, is_label_name, match_channels, modality_of

NAMES = {
    "flair": [
        "Brats18_2013_2_1_flair.nii.gz",
        "BraTS-GLI-00000-000-t2f.nii.gz",
        "UPENN-GBM-00001_11_FLAIR.nii.gz",
        "sub-01_ses-02_space-T1w_FLAIR.nii.gz",
        "t2_tirm_tra_dark-fluid",
        "Ax T2 FLAIR",
        "T2-FLAIR",
        "3DFLAIR.nii",
        "t2flair.mgz",
        "FLAIR_to_T1.nii.gz",
        "training01_01_flair_pp.nii",
        "t2_space_dark-fluid_sag_p2_iso",
        "t2_space_dark-fluid_sag_MPR_3mm_tra",
        "t2_spc_da-fl_sag_p2_iso",
        "T2 dark fluid tra",
        "t2_tse_dark_fluid",
        "FLAIR_in_T1_space",
        "Ax T2 FLAIR +C",
        "Sag CUBE FLAIR",
        "T1-study-007_flair",
    ],
    "t1ce": [
        "BraTS2021_00000_t1ce.nii.gz",
        "BraTS-GLI-00000-000-t1c.nii.gz",
        "UCSF-PDGM-0004_T1c.nii.gz",
        "UPENN-GBM-00001_11_T1GD.nii.gz",
        "TCGA-02-0003_1997.06.08_t1Gd.nii.gz",
        "T1POST.nii.gz",
        "sub-01_ce-gadolinium_T1w.nii.gz",
        "sub-01_T1_POST.nii.gz",
        "patient19_T1WKS.nii.gz",
        "Ax T1 POST FS",
        "T1_axial_post",
        "T1+C",
        "T1 C+",
        "t1_tse_tra post contrast",
        "3DT1GADO",
        "Gd T1",
        "T1-CE",
        "T1 FLAIR post",
        "Sag 3D T1 FSPGR +C",
        "+C Ax T1 FS",
        "Ax BRAVO +C",
        "t1_vibe_fs_tra_KM",
        "t1_space_sag_KM",
        "T1 mit KM",
        "t1_mprage_tra nach KM",
        "T1W_3D_TFE_GD",
        "T1 SE C+",
        "T1_post_op_KM",
        "T1_post",
        "Ax T1 GRE post",
    ],
    "t1": [
        "Brats18_2013_2_1_t1.nii.gz",
        "BraTS-GLI-00000-000-t1n.nii.gz",
        "sub-01_T1w.nii.gz",
        "sub-01_acq-mprage_run-1_T1w.nii",
        "T1_pre_contrast",
        "T1 without contrast",
        "T1 w/o contrast",
        "T1_noncontrast",
        "Ax T1 FLAIR",
        "T1_FLAIR.nii.gz",
        "reg_T1.nii.gz",
        "patient_2_T1.nii.gz",
        "post-op_T1.nii.gz",
        "C_12_t1.nii",
        "T1_reg_T2.nii.gz",
        "t1_mprage_sag",
        "sub-07_T1w_brain.nii.gz",
        "T1_post_op",
        "T1 post-surgery",
        "t1_post_RT",
        "T1_post_treatment",
        "T1_post_processed",
        "T1 ohne KM",
        "t1_tse_tra vor KM",
        "T1 SE C-",
        "t1_space_sag_p2_iso",
        "t1_tirm_tra_dark-fluid",
        "Ax T1 GRE",
        "Sag 3D T1 FSPGR",
        "FSPGR",
    ],
    "t2": [
        "BraTS20_Training_001_t2.nii",
        "BraTS-MET-00002-000-t2w.nii.gz",
        "sub-01_T2w.nii.gz",
        "T1-study-007_t2.nii.gz",
        "T2_in_T1_space",
        "AX T2 TSE",
        "t2tse",
        "t2_space_sag_p2_iso",
        "T2_in_FLAIR_space",
        "T2_space_in_T1_space",
        "T2_to_FLAIR",
    ],
    "t2star": ["sub-01_T2starw.nii.gz", "T2*", "SWI.nii", "GRE", "Ax T2 GRE"],
    "pd": ["sub-01_PDw.nii.gz", "PD", "DP.nii.gz"],
    None: ["LESIONS.nii.gz", "image.nii.gz", "BraTS2021_00000", "t13", ""],
}


@pytest.mark.parametrize(("modality", "name"), [(m, name) for m, names in NAMES.items() for name in names])
def test_modality_of_the_names_in_use(modality, name):
    assert modality_of(name) == modality


@pytest.mark.parametrize(
    "name",
    [
        "Brats18_2013_2_1_seg.nii.gz",
        "BraTS-GLI-00000-000-seg.nii.gz",
        "UCSF-PDGM-0004_tumor_segmentation.nii.gz",
        "W39_1998.09.19_Segm.nii",
        "TCGA-02-0003_1997.06.08_GlistrBoost_ManuallyCorrected.nii.gz",
        "sub-01_T1w_dseg.nii.gz",
        "sub-01_space-T1w_label-lesion_mask.nii.gz",
        "FLAIR_mask",
        "T1_brainmask",
        "LESIONS.nii.gz",
        "labels [1]",
    ],
)
def test_segmentations_are_told_by_name(name):
    assert is_label_name(name)


@pytest.mark.parametrize("name", ["T1_masked.nii.gz", "Segal_t1", "flair", "roidata_t2"])
def test_images_are_not_taken_for_segmentations(name):
    assert not is_label_name(name)


CONVENTIONS = {
    "BraTS 2018": ["B18_1_flair.nii.gz", "B18_1_t1.nii.gz", "B18_1_t1ce.nii.gz", "B18_1_t2.nii.gz"],
    "BraTS 2023": ["B-0-000-t2f.nii.gz", "B-0-000-t1n.nii.gz", "B-0-000-t1c.nii.gz", "B-0-000-t2w.nii.gz"],
    "TCIA": ["U_11_FLAIR.nii.gz", "U_11_T1.nii.gz", "U_11_T1GD.nii.gz", "U_11_T2.nii.gz"],
    "BIDS": ["sub-1_FLAIR.nii", "sub-1_T1w.nii", "sub-1_ce-gadolinium_T1w.nii", "sub-1_T2w.nii"],
    "MS": ["FLAIR.nii.gz", "T1.nii.gz", "T1POST.nii.gz", "T2.nii.gz"],
}


@pytest.mark.parametrize("names", CONVENTIONS.values(), ids=CONVENTIONS)
@pytest.mark.parametrize("channels", [["flair", "t1", "t1ce", "t2"], ["FLAIR", "T1w", "T1-Gd", "T2w"]])
def test_every_convention_fits_every_spelling_of_the_model_in_any_order(names, channels):
    others = ["x_seg.nii.gz", "ADC.nii.gz", "brain_mask.nii.gz"]
    for order in permutations(range(4)):
        wanted = [channels[i] for i in order]
        matched = match_channels([*names[::-1], *others], wanted)
        assert list(matched) == wanted
        assert list(matched.values()) == [names[i] for i in order]


def test_a_missing_channel_lists_what_was_seen():
    with pytest.raises(CaseError, match=r"channel t2: seen were a_t1\.nii, a_flair\.nii\.(?s:.*)t2=FILE"):
        match_channels(["a_t1.nii", "a_flair.nii", "a_t2_seg.nii"], ["t1", "t2"])
    with pytest.raises(CaseError, match="seen were no image"):
        match_channels([], ["t1"])


def test_a_long_list_of_what_was_seen_is_cut():
    with pytest.raises(CaseError, match=r"p0_t1, .* p11_t1 and 88 more\."):
        match_channels([f"p{i}_t1" for i in range(100)], ["t1"])


def test_an_ambiguous_channel_lists_the_candidates():
    with pytest.raises(CaseError, match=r"Channel t1 could be any of T1\.nii, T1_fs\.nii\.(?s:.*)t1=FILE"):
        match_channels(["T1.nii", "T1_fs.nii", "T2.nii"], ["t2", "t1"])


def test_a_channel_that_is_no_known_contrast_is_found_word_for_word():
    assert match_channels(["p1_perfusion_map.nii.gz", "p1_perfusion.nii.gz.txt"], ["Perfusion-Map"]) == {
        "Perfusion-Map": "p1_perfusion_map.nii.gz"
    }


@given(st.text(max_size=30))
def test_any_name_is_read_without_an_error(name):
    assert modality_of(name) in NAMES or modality_of(name) in ("adc", "dwi")
    assert is_label_name(name) in (True, False)


@pytest.mark.parametrize(
    ("channel", "name", "said"),
    [("t2", "FLAIR.nii.gz", "FLAIR as t2"), ("t2", "sub-01_T2w.nii.gz", "t2"), ("t2", "scan.nii.gz", "t2"),
     ("t2", "", "t2"), ("image", "p1_t1ce.nii.gz", "T1CE as image")],
)  # fmt: skip
def test_a_contrast_that_stands_in_for_another_is_called_by_its_name(channel, name, said):
    assert channel_caption(channel, name) == said


@pytest.mark.parametrize(
    "name",
    ["t2_tse_ph", "t2_swi_pha", "T2_phase", "t2_imaginary", "t2_map", "T2 - pre SUB", "t2_subtraction",
     "t2_localizer_haste", "ep2d_T2_trace", "T2_b1000", "T2_MIP", "T2 perf", "T2_bias", "T2_survey"],
)  # fmt: skip
def test_an_image_of_something_else_is_no_channel_unless_it_is_called_so(name):
    with pytest.raises(CaseError, match="No image for channel t2"):
        match_channels([name], ["t2"])
    assert match_channels([name, "ax t2 tse"], ["t2"]) == {"t2": "ax t2 tse"}
    assert match_channels([name], [name]) == {name: name}


@pytest.mark.parametrize(
    "name", ["t1_vibe_venous_phase", "sub_01_T1", "ph_t1", "B18_1_t1", "study_sub_01_t1", "b1_T1w"]
)
def test_words_that_may_mean_something_else_leave_an_image_one(name):
    assert match_channels([name], ["t1"]) == {"t1": name}
