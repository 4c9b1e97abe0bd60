"""DICOM series: finding and reading them, and writing DICOM-SEG."""

from napari_osuda.imaging.dicom.series import (
    DicomSeries,
    find_series,
    has_dicom,
    is_dicom,
    read_series,
    require,
    series_of,
)

__all__ = ["DicomSeries", "find_series", "has_dicom", "is_dicom", "read_series", "require", "series_of"]
