from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_osuda.benchmark.real.lgg import CONTRASTS, find_lgg, lgg_patient, read_lgg
from napari_osuda.errors import CaseError
from napari_osuda.imaging import modality_of


@pytest.fixture(scope="module")
def real_root():
    data = Path(os.environ.get("OSUDA_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not (data / "real_lgg").is_dir():
        pytest.skip("the LGG data set is not here (OSUDA_REAL_DATA)")
    return data / "real_lgg"


def test_patients_are_found_once_though_the_archive_holds_them_twice(lgg_root):
    shutil.copytree(lgg_root / "kaggle_3m", lgg_root / "lgg-mri-segmentation" / "kaggle_3m")
    found = find_lgg(lgg_root)
    assert (found[0].name, found[0].site, found[0].slices) == ("TCGA_CS_4941", "CS", 4)
    assert len(found) == 7


@pytest.mark.parametrize("size", [128, 256])
def test_both_sizes_cover_the_same_millimeters_and_lie_as_the_pictures_do(tmp_path, write_patient, size):

    write_patient(tmp_path / "TCGA_XX_0001_20000101", size=size, slices=12)
    scan = read_lgg(find_lgg(tmp_path)[0])
    assert scan.grid.orientation == "PLS"
    np.testing.assert_allclose(np.multiply(scan.grid.spacing, scan.grid.shape), (256, 256, 60))
    assert set(scan.images) == set(CONTRASTS)
    # The slices are in the order of their numbers, not of their names; the first has no lesion.
    assert not scan.lesion[:, :, 0].any()
    assert scan.lesion[:, :, 1:].any(axis=(0, 1)).all()
    # The lesion is in front of the middle (rows go backwards), and to the left (columns go there).
    center = scan.grid.affine @ np.append(np.argwhere(scan.lesion).mean(0), 1)
    assert center[0] < -10
    assert center[1] > 10


def test_a_contrast_that_repeats_flair_is_missing(lgg_root):
    by_name = {p.name: p for p in find_lgg(lgg_root)}
    assert set(read_lgg(by_name["TCGA_DU_0002"]).images) == {"T1", "FLAIR"}
    assert set(read_lgg(by_name["TCGA_CS_4942"]).images) == {"FLAIR"}
    with pytest.raises(CaseError, match="TCGA_CS_4942 has no T1 post: the pictures repeat FLAIR"):
        lgg_patient(by_name["TCGA_CS_4942"], {"FLAIR": "T1 post"})


def test_a_target_tells_its_true_contrast_by_its_name(lgg_root):
    found = find_lgg(lgg_root)[-1]
    patient = lgg_patient(found, {"FLAIR": "T1 post"})
    assert patient.case.channels == ("FLAIR",)
    assert modality_of(patient.case.sources[0].name) == "t1ce"
    np.testing.assert_array_equal(patient.case.data[0], read_lgg(found).images["T1 post"])
    assert set(np.unique(patient.reference)) == {0, 1}


def _no_mask(folder):
    (folder / f"{folder.name}_2_mask.tif").unlink()


def _cut_off(folder):
    path = folder / f"{folder.name}_2.tif"
    path.write_bytes(path.read_bytes()[:100])


def _other_size(folder):
    Image.new("RGB", (32, 32)).save(folder / f"{folder.name}_2.tif")


def _gray(folder):
    Image.new("L", (64, 64)).save(folder / f"{folder.name}_2.tif")


def _no_picture(folder):
    (folder / f"{folder.name}_2.tif").write_text("hello")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_no_mask, "_2_mask.tif is missing"),
        (_cut_off, "_2.tif cannot be read"),
        (_other_size, "another size than the first slice"),
        (_gray, "is not an RGB picture"),
        (_no_picture, "_2.tif cannot be read"),
    ],
)
def test_damage_is_told_with_the_file(tmp_path, write_patient, damage, sentence):
    folder = tmp_path / "TCGA_XX_0001_20000101"
    write_patient(folder)
    damage(folder)
    with pytest.raises(CaseError, match=sentence):
        read_lgg(find_lgg(tmp_path)[0])


def test_folders_that_are_not_the_data_set(tmp_path, lgg_root):
    with pytest.raises(CaseError, match="There is no folder"):
        find_lgg(tmp_path / "nowhere")
    (tmp_path / "empty" / "TCGA_XX_0001_20000101").mkdir(parents=True)
    with pytest.raises(CaseError, match="There is no patient"):
        find_lgg(tmp_path / "empty")
    (lgg_root / "TCGA_XX_0001_20000101").mkdir()
    told = []
    assert len(find_lgg(lgg_root, told.append)) == 7
    assert told == ["Left out, since they hold no slice: TCGA_XX_0001_20000101"]


def test_the_real_data_set(real_root):
    found = find_lgg(real_root)
    assert {p.site for p in found} >= {"DU", "CS", "HT"}
    scan = read_lgg(found[0])
    assert scan.lesion.any()
    assert scan.grid.spacing[2] == 5.0
