from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from brats_parts import NEW, write_case

from napari_osuda.benchmark.brats.cases import find_brats, read_patient, split_patients
from napari_osuda.benchmark.protocols import TABLE_1, TABLE_2
from napari_osuda.errors import CaseError


def test_layouts_of_all_years_are_found(tmp_path, brats_2018):
    assert [(c.name, c.grade) for c in find_brats(brats_2018)] == [
        ("Brats18_HGG_0", "high"), ("Brats18_HGG_1", "high"), ("Brats18_LGG_0", "low"),
    ]  # fmt: skip

    root = tmp_path / "2020" / "MICCAI_BraTS2020_TrainingData"
    write_case(root / "BraTS20_Training_001", suffix=".nii")
    (root / "name_mapping.csv").write_text(
        "Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\nLGG,x,BraTS20_Training_001\n"
    )
    assert [(c.name, c.grade) for c in find_brats(root.parent)] == [("BraTS20_Training_001", "low")]

    write_case(tmp_path / "2021" / "BraTS2021_00000")
    assert find_brats(tmp_path / "2021")[0].grade is None

    for name in ("BraTS-GLI-00005-000", "BraTS-GLI-00005-001"):
        write_case(tmp_path / "2023" / name, NEW, enhancing=3)
    found = find_brats(tmp_path / "2023")
    assert {c.patient for c in found} == {"BraTS-GLI-00005"}

    write_case(tmp_path / "GoAT" / "BraTS-GoAT-00007", NEW, enhancing=3)
    (goat,) = find_brats(tmp_path / "GoAT")
    assert (goat.name, goat.patient) == ("BraTS-GoAT-00007", "BraTS-GoAT-00007")
    # Under another folder's name the files still tell.
    (tmp_path / "GoAT" / "BraTS-GoAT-00007").rename(tmp_path / "GoAT" / "seventh")
    (tmp_path / "2023" / "BraTS-GLI-00005-001").rename(tmp_path / "2023" / "second visit")
    (renamed,) = find_brats(tmp_path / "GoAT")
    assert (renamed.name, renamed.patient, renamed.label_scheme) == (
        "seventh",
        goat.patient,
        goat.label_scheme,
    )
    assert {c.patient for c in find_brats(tmp_path / "2023")} == {"BraTS-GLI-00005"}


def test_labels_of_all_years_become_those_of_the_card(tmp_path):
    write_case(tmp_path / "old" / "BraTS2021_00000")
    old = read_patient(find_brats(tmp_path / "old")[0], TABLE_1[0])
    assert set(np.unique(old.reference)) == {0, 1, 2, 4}
    for name in ("BraTS-GLI-00005-000", "BraTS-GoAT-00005", "BraTS-MET-00005-000"):
        write_case(tmp_path / name / name, NEW, enhancing=3)
        new = read_patient(find_brats(tmp_path / name)[0], TABLE_1[0])
        np.testing.assert_array_equal(old.reference, new.reference)
        np.testing.assert_array_equal(old.case.data, new.case.data)
    # A resection cavity (4 in 2024) is no tumor.
    write_case(tmp_path / "2024" / "BraTS-GLI-02005-100", NEW, enhancing=4)
    assert set(np.unique(read_patient(find_brats(tmp_path / "2024")[0], TABLE_1[0]).reference)) == {0, 1, 2}
    # 3 was never used before 2023: such a file is something else.
    write_case(tmp_path / "odd" / "BraTS2021_00001", enhancing=3)
    with pytest.raises(CaseError, match="label 3"):
        read_patient(find_brats(tmp_path / "odd")[0], TABLE_1[0])
    # Without a treated patient there is no cavity, and 4 may be enhancing tumor in the codes up to 2021.
    for name in ("BraTS-GLI-00006-000", "BraTS-GoAT-00006", "BraTS-SSA-00006-000"):
        write_case(tmp_path / name / name, NEW, enhancing=4)
        with pytest.raises(CaseError, match=r"label 4, which BraTS does not use there \(0, 1, 2, 3\)"):
            read_patient(find_brats(tmp_path / name)[0], TABLE_1[0])


def test_pediatric_labels_are_read_by_the_year_of_their_release(tmp_path):
    name = "BraTS-PED-00005-000"
    for release, enhancing, found in (
        # Of 2023: 1 core, 2 edema, 3 enhancing.
        ("ASNR-MICCAI-BraTS2023-PED-Challenge-TrainingData", 3, {1: 1, 2: 2, 3: 4}),
        # Later: 1 enhancing, 2 non-enhancing, 3 cyst, 4 edema.
        ("BraTS-PEDs2024_Training", 3, {1: 4, 2: 1, 3: 1}),
        ("BraTS2025-PED", 4, {1: 4, 2: 1, 4: 2}),
    ):
        write_case(tmp_path / release / name, NEW, enhancing=enhancing)
        (case,) = find_brats(tmp_path / release)
        labels = np.asarray(nib.load(case.labels).dataobj)
        reference = read_patient(case, TABLE_1[0]).reference
        for value, code in found.items():
            assert set(np.unique(reference[labels == value])) == {code}
    # A case of 2024 under the name of 2023.
    write_case(tmp_path / "BraTS2023-PED" / name, NEW, enhancing=4)
    with pytest.raises(CaseError, match="label 4"):
        read_patient(find_brats(tmp_path / "BraTS2023-PED")[0], TABLE_1[0])
    # None of these is the year of a pediatric release, nor is the number of a case.
    for release in ("BraTS-PEDs-v1", "BraTS2023", "stripped_2024"):
        write_case(tmp_path / release / "BraTS-PED-02024-000", NEW, enhancing=3)
        (case,) = find_brats(tmp_path / release)
        with pytest.raises(CaseError, match=r"no folder above it says the year\. Give the release's folder"):
            read_patient(case, TABLE_2[0])


def test_no_patient_is_on_both_sides_of_the_split(tmp_path):
    for number in range(5):
        for visit in range(2):
            (tmp_path / f"BraTS-GLI-0000{number}-00{visit}").mkdir()
            name = f"BraTS-GLI-0000{number}-00{visit}"
            (tmp_path / name / f"{name}-seg.nii.gz").touch()
    cases = find_brats(tmp_path)
    split = split_patients(cases, seed=3)
    training, testing = ({c.patient for c in part} for part in (split.training, split.testing))
    assert (len(training), len(testing)) == (4, 1)
    assert not training & testing
    assert split == split_patients(cases, seed=3)
    assert len({split_patients(cases, seed).testing for seed in range(20)}) > 1


def test_the_odd_reference_of_2020_is_found_and_folders_without_one_are_told(tmp_path):
    for number in (353, 354, 355):
        write_case(tmp_path / f"BraTS20_Training_{number}", suffix=".nii")
    odd = tmp_path / "BraTS20_Training_355"
    usual = odd / "BraTS20_Training_355_seg.nii"
    usual.rename(odd / "W39_1998.09.19_Segm.nii")
    told = []
    cases = find_brats(tmp_path, told.append)
    assert [c.name for c in cases] == [f"BraTS20_Training_{number}" for number in (353, 354, 355)]
    assert not told
    assert read_patient(cases[2], TABLE_1[0]).reference.any()
    # Who has given it the usual name may have kept the file: that is one case still.
    usual.write_bytes((odd / "W39_1998.09.19_Segm.nii").read_bytes())
    assert [c.labels for c in find_brats(tmp_path) if c.folder == odd] == [usual]

    for number in range(1, 7):
        (tmp_path / f"BraTS20_Training_00{number}").mkdir()
    (tmp_path / "BraTS20_Training_354" / "BraTS20_Training_354_seg.nii").unlink()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._BraTS20_Training_353_seg.nii").touch()
    assert len(find_brats(tmp_path, told.append)) == 2
    names = ", ".join(f"BraTS20_Training_00{number}" for number in range(1, 6))
    assert told == [
        "7 folders have no reference (a file ending in seg.nii.gz) and are left out: " + names + " and 2 more"
    ]
