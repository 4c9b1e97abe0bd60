"""The page of a run or a review."""

from napari_osuda.session.report.content import ReportCase, ReportInput
from napari_osuda.session.report.page import write_report

__all__ = ["ReportCase", "ReportInput", "write_report"]
