"""Folders: patients, sessions, runs, spaces and days are told apart, and never put together."""

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.errors import CaseError, NoImageError
from napari_osuda.imaging import image_for, read_case


def put(folder, *names):
    for value, name in enumerate(names, start=1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(np.full((3, 4, 5), value, np.float32), np.eye(4)), path)
    return folder


def values(case):
    return [float(channel.flat[0]) for channel in case.data]


def test_images_of_two_sessions_are_never_put_together(tmp_path):
    put(tmp_path / "sub-01", "ses-1/anat/sub-01_ses-1_T1w.nii.gz", "ses-2/anat/sub-01_ses-2_FLAIR.nii.gz")
    with pytest.raises(CaseError, match=r"No session has all channels .*ses-1 lacks flair; ses-2 lacks t1"):
        read_case(tmp_path / "sub-01", ("t1", "flair"))
    # A session that is named by its folder alone counts too.
    put(tmp_path / "sub-02", "ses-1/anat/sub-02_T1w.nii.gz", "ses-2/anat/sub-02_FLAIR.nii.gz")
    with pytest.raises(CaseError, match="No session has all channels"):
        read_case(tmp_path / "sub-02", ("t1", "flair"))


def test_the_one_session_that_has_all_channels_is_read(tmp_path):
    put(tmp_path / "sub-01", "ses-1/anat/sub-01_ses-1_T1w.nii.gz", "ses-2/anat/sub-01_ses-2_FLAIR.nii.gz",
        "ses-2/anat/sub-01_ses-2_T1w.nii.gz")  # fmt: skip
    assert values(read_case(tmp_path / "sub-01", ("t1", "flair"))) == [3, 2]
    assert values(read_case(tmp_path / "sub-01" / "ses-1", ("t1",))) == [1]


def test_several_sessions_are_named_and_one_is_chosen(tmp_path):
    put(tmp_path / "sub-01", *(f"ses-{s}/anat/sub-01_ses-{s}_T2w.nii.gz" for s in ("pre", "post")))
    with pytest.raises(CaseError, match=r"2 sessions have the model's images \(ses-post, ses-pre\)"):
        read_case(tmp_path / "sub-01", ("t2",))
    assert values(read_case(tmp_path / "sub-01", ("t2",), entities={"ses": "post"})) == [2]
    with pytest.raises(CaseError, match="No image has ses-third; there are ses-post, ses-pre"):
        read_case(tmp_path / "sub-01", ("t2",), entities={"ses": "third"})


@pytest.mark.parametrize("flat", [True, False])
def test_several_patients_are_named(tmp_path, flat):
    names = [
        f"sub-{n}_T2w.nii.gz" if flat else f"sub-{n}/anat/sub-{n}_T2w.nii.gz" for n in ("01", "02", "03")
    ]
    put(tmp_path, *names)
    with pytest.raises(CaseError, match=r"3 patients \(sub-01, sub-02, sub-03\): give the folder of one"):
        read_case(tmp_path, ("t2",))
    assert values(read_case(tmp_path, ("t2",), entities={"sub": "02"}))[0] in (1, 2)


def test_a_data_set_of_one_patient_is_that_patient(tmp_path):
    put(tmp_path, "sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz")
    (tmp_path / "dataset_description.json").write_text("{}")
    assert values(read_case(tmp_path, ("t2",))) == [1]


def test_runs_are_ambiguous_until_one_is_chosen(tmp_path):
    put(tmp_path / "sub-01" / "anat", "sub-01_run-01_T1w.nii.gz", "sub-01_run-02_T1w.nii.gz",
        "sub-01_FLAIR.nii.gz")  # fmt: skip
    with pytest.raises(CaseError, match=r"could be any of sub-01_run-01_T1w\.nii\.gz, sub-01_run-02_T1w"):
        read_case(tmp_path / "sub-01", ("t1", "flair"))
    for run in ("2", "02"):
        assert values(read_case(tmp_path / "sub-01", ("t1", "flair"), entities={"run": run})) == [2, 3]


def test_images_in_different_spaces_are_refused(tmp_path):
    put(tmp_path / "sub-01" / "anat", "sub-01_space-MNI152_T1w.nii.gz", "sub-01_FLAIR.nii.gz")
    with pytest.raises(CaseError, match=r"different spaces \(t1 in MNI152, flair in the scanner's\)"):
        read_case(tmp_path / "sub-01", ("t1", "flair"))


def test_phases_masks_and_maps_are_no_channels(tmp_path):
    put(tmp_path / "sub-01" / "anat", "sub-01_part-mag_T2w.nii.gz", "sub-01_part-phase_T2w.nii.gz",
        "sub-01_desc-brain_mask.nii.gz", "sub-01_T2map.nii.gz", "sub-01_label-lesion_T2w_mask.nii.gz",
        "sub-01_dseg.nii.gz")  # fmt: skip
    assert values(read_case(tmp_path / "sub-01", ("t2",))) == [1]


def test_a_link_to_what_is_not_there_is_told(tmp_path):
    folder = tmp_path / "sub-01" / "anat"
    folder.mkdir(parents=True)
    (folder / "sub-01_T2w.nii.gz").symlink_to("../../.git/annex/objects/gone")
    with pytest.raises(CaseError, match="is a link to a file that is not there: get it first"):
        read_case(tmp_path / "sub-01", ("t2",))


@pytest.mark.parametrize("days", [("2019-01-31", "2020-05-01"), ("20190131", "MR_20200501_head")])
def test_folders_of_different_days_are_different_visits(tmp_path, days):
    put(tmp_path, f"{days[0]}/T1.nii.gz", f"{days[1]}/FLAIR.nii.gz")
    with pytest.raises(CaseError, match="of different days"):
        read_case(tmp_path, ("t1", "flair"))
    assert values(read_case(tmp_path, ("t1",))) == [1]


def test_a_folder_for_each_contrast_is_one_visit(tmp_path):
    put(tmp_path, "T1/T1.nii.gz", "FLAIR/FLAIR.nii.gz")
    assert values(read_case(tmp_path, ("t1", "flair"))) == [1, 2]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("a_T1w.nii.gz", "a_T2w.nii.gz", "a_FLAIR.nii.gz"), "a_T2w.nii.gz"),
        (("a_T1w.nii.gz", "a_FLAIR.nii.gz"), "a_FLAIR.nii.gz"),
        (("a_T1w.nii.gz", "a_T1post.nii.gz", "a_mask.nii.gz"), "a_T1post.nii.gz"),
        (("anat/sub-01_T1w.nii.gz", "dwi/sub-01_dwi.nii.gz"), "anat/sub-01_T1w.nii.gz"),
        (("scan.nii.gz", "scan_mask.nii.gz"), "scan.nii.gz"),
    ],
    ids=["its own", "the most alike", "no mask", "below", "the only one"],
)
def test_a_model_of_one_channel_takes_its_contrast_else_the_most_alike(tmp_path, names, found):
    assert image_for(put(tmp_path / "sub-01", *names), "t2") == tmp_path / "sub-01" / found


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        (("a_FLAIR.nii.gz", "b_FLAIR.nii.gz"), CaseError, "could be any of"),
        (("scan1.nii.gz", "scan2.nii.gz"), NoImageError, "No image for channel t2"),
        (("a_mask.nii.gz",), NoImageError, "No image for channel t2"),
        (("a_dwi.nii.gz",), NoImageError, "No image for channel t2"),
    ],
    ids=["two of one contrast", "two that say nothing", "a mask alone", "another kind"],
)
def test_where_it_is_not_clear_which_image_is_meant_none_is_taken(tmp_path, names, error, said):
    with pytest.raises(error, match=said):
        image_for(put(tmp_path / "patient", *names), "t2")
