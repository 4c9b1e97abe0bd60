"""DICOM series: finding and reading them, and writing DICOM-SEG."""

from napari_osuda.imaging.dicom.files import is_dicom, require
from napari_osuda.imaging.dicom.series import DicomSeries, find_series, has_dicom, series_of
from napari_osuda.imaging.dicom.volume import place_series, read_series

__all__ = [
    "DicomSeries",
    "find_series",
    "has_dicom",
    "is_dicom",
    "place_series",
    "read_series",
    "require",
    "series_of",
]
