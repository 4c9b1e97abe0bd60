from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.files import sha256_of
from napari_osuda.imaging import read_case

FOUR = ("flair", "t1", "t1ce", "t2")


def put(path, value=1, shape=(3, 4, 5), affine=None, dtype=np.float32):
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = nib.Nifti1Pair if path.suffix == ".hdr" else nib.Nifti1Image
    nib.save(kind(np.full(shape, value, dtype), np.eye(4) if affine is None else affine), path)
    return path


def values(case):
    return [float(channel.flat[0]) for channel in case.data]


@pytest.fixture
def patient(tmp_path):
    folder = tmp_path / "BraTS20_Training_007"
    for value, channel in enumerate((*FOUR, "seg"), start=1):
        put(folder / f"BraTS20_Training_007_{channel}.nii.gz", value)
    return folder


def test_a_folder_is_matched_by_name_and_gives_its_name(patient):
    case = read_case(str(patient), FOUR)
    assert case.name == "BraTS20_Training_007"
    assert case.channels == FOUR
    assert values(case) == [1, 2, 3, 4]
    assert case.data.dtype == np.float32
    assert case.data.shape == (4, 3, 4, 5)
    assert values(read_case(patient, ("T2w", "FLAIR"))) == [4, 1]
    for source in case.sources:
        assert source.path == patient / f"BraTS20_Training_007_{source.channel}.nii.gz"
        assert source.sha256 == sha256_of(source.path)
        assert source.shape == (3, 4, 5)


def test_a_bids_subject_is_read_from_its_anatomical_folder(tmp_path):
    put(tmp_path / "sub-01" / "anat" / "sub-01_T2w.nii.gz", 5)
    put(tmp_path / "sub-01" / "anat" / "sub-01_ce-gadolinium_T1w.nii.gz", 6)
    put(tmp_path / "sub-01" / "anat" / "._sub-01_T2w.nii.gz", 7)
    put(tmp_path / "sub-01" / "func" / "sub-01_acq-T2w_T2w.nii.gz", 8)
    case = read_case(tmp_path / "sub-01", ("t1c", "t2"))
    assert case.name == "sub-01"
    assert values(case) == [6, 5]


def test_a_pair_of_header_and_image_is_one_image(tmp_path):
    put(tmp_path / "p" / "T1.hdr", 3)
    put(tmp_path / "p" / "T2.nii", 4)
    assert values(read_case(tmp_path / "p", ("t1", "t2"))) == [3, 4]


def test_named_files_in_any_order_and_spelling(patient):
    flair, t1 = (patient / f"BraTS20_Training_007_{c}.nii.gz" for c in ("flair", "t1"))
    for spec in (f"T1w={t1},FLAIR={flair}", {"t1": t1, "flair": str(flair)}):
        case = read_case(spec, ("flair", "t1"))
        assert case.name == "BraTS20_Training_007_t1"
        assert case.channels == ("flair", "t1")
        assert values(case) == [1, 2]
    # Another contrast may be given on purpose: it is what a model is adapted to.
    assert values(read_case(f"t2={flair}", ("t2",))) == [1]


def test_a_list_is_in_the_order_of_the_card(patient):
    files = [str(patient / f"BraTS20_Training_007_{c}.nii.gz") for c in ("t2", "flair")]
    case = read_case(",".join(files), ("t2", "flair"))
    assert values(case) == [4, 1]
    assert case.name == "BraTS20_Training_007_t2"


def test_a_file_for_a_model_of_one_channel(patient):
    case = read_case(patient / "BraTS20_Training_007_flair.nii.gz", ("t2",), name="pat")
    assert case.name == "pat"
    assert values(case) == [1]


def test_a_file_whose_last_axis_is_the_channels(tmp_path):
    data = np.zeros((3, 4, 5, 2), np.int16)
    data[..., 1] = 9
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "both.nii.gz")
    case = read_case(tmp_path / "both.nii.gz", ("a", "b"))
    assert values(case) == [0, 9]
    assert case.data.shape == (2, 3, 4, 5)
    assert case.grid.shape == (3, 4, 5)
    assert case.sources[1].shape == (3, 4, 5, 2)


def test_paths_may_hold_commas_and_equal_signs(tmp_path):
    odd = put(tmp_path / "a=b, c" / "x=1,2.nii", 7)
    assert values(read_case(odd, ("t1",))) == [7]
    assert values(read_case(str(odd), ("t1",))) == [7]
    plain = put(tmp_path / "a, c" / "t2.nii", 8)
    assert values(read_case(f"t2={plain},t1={plain}", ("t1", "t2"))) == [8, 8]


def test_a_relative_folder_is_called_by_its_real_name(patient, monkeypatch):
    monkeypatch.chdir(patient)
    assert read_case(".", ("t1",)).name == "BraTS20_Training_007"


def test_the_grid_and_header_are_the_first_given_files(tmp_path):
    first, second = put(tmp_path / "a_t2.nii"), put(tmp_path / "b_t1.nii")
    image = nib.load(first)
    image.set_sform(image.affine, code="mni")
    nib.save(image, first)
    case = read_case(f"t2={first},t1={second}", ("t1", "t2"))
    assert case.name == "a_t2"
    assert int(case.grid.header["sform_code"]) == 4


def test_as_many_voxels_elsewhere_are_named_and_described(patient):
    put(patient / "BraTS20_Training_007_t2.nii.gz", affine=np.diag([-1.0, 1, 1, 1]))
    with pytest.raises(CaseError, match=r"_t2\.nii\.gz \(.*axes LAS.*axes RAS.*mm away") as caught:
        read_case(patient, FOUR)
    assert "BraTS20_Training_007_flair.nii.gz" in str(caught.value)


T1, T2 = "{at}/BraTS20_Training_007_t1.nii.gz", "{at}/BraTS20_Training_007_t2.nii.gz"
BAD = {
    "no such path": ("{at}/none", ("t1",), "none does not exist"),
    "nothing": ("  ", ("t1",), "case is empty"),
    "empty folder": ("{at}/empty", ("t1",), "In .*empty: No image for channel t1: seen were no image"),
    "missing": ("{at}", ("pd",), r"In .*007: No image for channel pd: seen were .*_flair.*must say pd"),
    "no mri": ("{at}/notes.txt", ("t1",), "not an MRI file"),
    "cut short": ("t1={at}/cut.nii.gz", ("t1",), r"cut\.nii\.gz cannot be read; it is damaged, cut short"),
    "one for two": (
        T1,
        ("t1", "t2"),
        r"is one 3-D image and the model reads 2 channels (?s:.*)t1=FILE,t2=FILE",
    ),
    "four for two": ("{at}/four.nii", ("t1", "t2"), "has 4 volumes along its fourth axis .*2 channels"),
    "two for one": (f"{T1},{T2}", ("t1",), "2 files are given and the model reads 1"),
    "4-D for a channel": (f"{T1},{{at}}/four.nii", ("t1", "t2"), "channel t2 is one volume"),
    "unknown name": (f"bold={T1}", ("t1",), "bold is not a channel of the model, which reads t1"),
    "named twice": (f"t1={T1},T1w={T2}", ("t1",), "t1 is given twice"),
    "same key twice": (f"t1={T1},t1={T2}", ("t1", "t2"), "t1 is given twice"),
    "name missing": (f"t1={T1}", ("t1", "t2"), r"No file for channel t2: given were t1\.(?s:.*)Add t2=FILE"),
    "named and not there": ("t1={at}/no.nii", ("t1",), r"no\.nii does not exist"),
}


@pytest.mark.parametrize(("spec", "channels", "sentence"), BAD.values(), ids=BAD)
def test_bad_input_gets_a_sentence(patient, spec, channels, sentence):
    put(patient / "four.nii", shape=(3, 4, 5, 4))
    (patient / "notes.txt").write_text("")
    (patient / "cut.nii.gz").write_bytes(Path(T1.format(at=patient)).read_bytes()[:-20])
    (patient / "empty").mkdir()
    with pytest.raises(CaseError, match=sentence) as caught:
        read_case(spec.format(at=patient), channels)
    assert str(caught.value).endswith(".")
