from __future__ import annotations

import highdicom
import numpy as np
import pydicom
import pytest
from dicom_parts import write_enhanced, write_series
from dicom_series import AFFINES, SHAPE, placed

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.imaging import read_volume
from napari_osuda.imaging.dicom import series_of
from napari_osuda.imaging.dicom.segmentation import write_dicom_seg


# highdicom's own use of pydicom.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_a_mask_goes_back_as_a_segmentation_of_its_slices(tmp_path, scanned, affine, enhanced):
    if enhanced:
        write_enhanced(tmp_path / "t2" / "IM1", scanned, affine, [2, 0, 3, 1])
    else:
        write_series(tmp_path / "t2", scanned, affine)
    volume = read_volume(tmp_path / "t2")
    labels = np.where(volume.data > np.median(volume.data), 4, 0).astype(np.uint8)
    labels[volume.data < np.quantile(volume.data, 0.2)] = 1
    labels[:, :, 1] = 0
    names = {0: "background", 1: "core", 2: "edema", 4: "enhancing tumor"}
    path = tmp_path / "final.dcm"
    known = {"colors": {4: "#d55e00"}, "creator": "A. Reader", "model": "Glioma", "version": "0.1.0"}
    write_dicom_seg(path, labels, volume.grid, volume.path, names, **known)

    segmentation = highdicom.seg.segread(path)
    described = [segmentation.get_segment_description(n) for n in segmentation.segment_numbers]
    assert [d.segment_label for d in described] == ["core", "edema", "enhancing tumor"]
    assert str(segmentation.ContentCreatorName) == "A. Reader^"
    source = pydicom.dcmread(volume.path)
    assert segmentation.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert segmentation.StudyInstanceUID == source.StudyInstanceUID
    back = segmentation.get_volume(combine_segments=True)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0])
    values = np.array([0, 1, 2, 4])[back.array]
    found = {p: v for p, v in placed(values, lps @ back.affine).items() if v}
    wanted = {p: v for p, v in placed(labels, volume.grid.affine).items() if v}
    assert found == wanted
    referenced = {uid for _, _, uid in segmentation.get_source_image_uids()}
    assert source.SOPInstanceUID in referenced


def test_a_segmentation_of_other_slices_or_of_nothing_is_refused(tmp_path, scanned):
    write_series(tmp_path / "t2", scanned, AFFINES["axial"])
    write_series(tmp_path / "other", scanned[:, :, :3], AFFINES["axial"])
    volume = read_volume(tmp_path / "t2")
    labels = np.ones(SHAPE, np.uint8)
    with pytest.raises(CaseError, match="does not lie on the grid"):
        write_dicom_seg(tmp_path / "x.dcm", labels, volume.grid, tmp_path / "other", {1: "core"})
    with pytest.raises(OutputError, match="mask is empty"):
        write_dicom_seg(tmp_path / "x.dcm", labels * 0, volume.grid, volume.path, {1: "core"})
    assert series_of(volume.path).description == "t2_tse_tra"
