"""DICOM series of an array, as scanners write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

STUDY, FRAME_OF_REFERENCE = generate_uid(), generate_uid()


def write_series(
    folder: Path,
    data: np.ndarray,
    affine: np.ndarray,
    *,
    description: str = "t2_tse_tra",
    number: int = 3,
    shuffle: bool = True,
    slope: float = 1.0,
    intercept: float = 0.0,
    skip: tuple[int, ...] = (),
    uid: str | None = None,
) -> list[Path]:
    """Write [I, J, K] of integers as one file a slice; ``affine`` leads to RAS."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = uid or generate_uid()
    written = []
    order = np.random.default_rng(0).permutation(data.shape[2]) if shuffle else np.arange(data.shape[2])
    for name, k in enumerate(order):
        if k in skip:
            continue
        dataset = _common(MRImageStorage, uid, description, number, data.shape)
        _place(dataset, dataset, dataset, affine, int(k))
        dataset.InstanceNumber = int(k) + 1
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        dataset.PixelData = np.ascontiguousarray(data[:, :, k].T.astype("<i2")).tobytes()
        path = folder / f"IM{number:03d}{name:04d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def write_enhanced(path: Path, data: np.ndarray, affine: np.ndarray, order: list[int]) -> None:
    """Write [I, J, K] as one multi-frame file whose frames are stored in ``order``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = _common(EnhancedMRImageStorage, generate_uid(), "T2 enhanced", 5, data.shape)
    dataset.NumberOfFrames = len(order)
    shared, measures, plane = Dataset(), Dataset(), Dataset()
    frames = []
    for k in order:
        position, content = Dataset(), Dataset()
        _place(position, plane, measures, affine, k)
        frame, rescale = Dataset(), Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 2.0, float(k), "US"
        content.DimensionIndexValues = [k + 1]
        frame.PlanePositionSequence = Sequence([position])
        frame.PixelValueTransformationSequence = Sequence([rescale])
        frame.FrameContentSequence = Sequence([content])
        frames.append(frame)
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([plane])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    dataset.PixelData = np.ascontiguousarray(data[:, :, order].transpose(2, 1, 0).astype("<i2")).tobytes()
    dataset.save_as(path, enforce_file_format=True)


def _common(kind: str, uid: str, description: str, number: int, shape: tuple[int, ...]) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    values: dict[str, Any] = {
        "SOPClassUID": kind, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "Modality": "MR",
        "PatientName": "Sample^Patient", "PatientID": "7", "PatientBirthDate": "", "PatientSex": "",
        "StudyInstanceUID": STUDY, "SeriesInstanceUID": uid, "FrameOfReferenceUID": FRAME_OF_REFERENCE,
        "StudyDate": "20260101", "StudyTime": "120000", "StudyID": "1", "AccessionNumber": "",
        "ReferringPhysicianName": "", "PositionReferenceIndicator": "",
        "SeriesDescription": description, "SeriesNumber": number, "InstanceNumber": 1,
        "Rows": shape[1], "Columns": shape[0], "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1,
    }  # fmt: skip
    for key, value in values.items():
        setattr(dataset, key, value)
    return dataset


def _place(position: Any, plane: Any, measures: Any, affine: np.ndarray, k: int) -> None:
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    row, column = lps[:3, 0], lps[:3, 1]
    spacing = np.linalg.norm(row), np.linalg.norm(column)
    position.ImagePositionPatient = [round(float(v), 6) for v in (lps @ [0, 0, k, 1])[:3]]
    plane.ImageOrientationPatient = [
        round(float(v), 8) for v in (*(row / spacing[0]), *(column / spacing[1]))
    ]
    measures.PixelSpacing = [round(float(spacing[1]), 6), round(float(spacing[0]), 6)]
    measures.SliceThickness = float(np.linalg.norm(lps[:3, 2]))


def rewrite(path: Path, **values: Any) -> None:
    """Change elements of a file that is there; None takes one out."""
    import pydicom

    dataset = pydicom.dcmread(path)
    for name, value in values.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path)
