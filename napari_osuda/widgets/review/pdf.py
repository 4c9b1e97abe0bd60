"""The report as PDF, by Qt's own text engine: no browser and no further library."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QEventLoop, QMarginsF
from qtpy.QtGui import QPageLayout, QPageSize, QPdfWriter, QTextDocument

from napari_osuda.errors import OutputError, cannot_write
from napari_osuda.files import written_whole

__all__ = ["write_pdf"]

_MARGIN_MM = 12.0
_DPI = 150


def write_pdf(path: Path, html: str, title: str) -> None:
    """Print a page of `napari_osuda.session.report.paper.paper` to A4 sheets, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    # The text engine starts timers, for which Qt warns on a thread that has never had a loop.
    loop = QEventLoop()
    try:
        with written_whole(path) as partial:
            writer = QPdfWriter(str(partial))
            writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
            margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
            writer.setPageMargins(margins, QPageLayout.Unit.Millimeter)
            writer.setResolution(_DPI)
            writer.setTitle(title)
            writer.setCreator("napari-osuda")
            document = QTextDocument()
            document.setHtml(html)
            document.print_(writer) if hasattr(document, "print_") else document.print(writer)
            del writer, document
            if not partial.is_file() or not partial.stat().st_size:
                raise OutputError(f"{path} cannot be written.")
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        del loop
