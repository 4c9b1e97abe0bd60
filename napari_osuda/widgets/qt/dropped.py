"""A file or folder that is dropped on a panel."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtGui import QDropEvent

__all__ = ["dropped"]


def dropped(event: QDropEvent | None) -> Path | None:
    """The one local file or folder of a drag or a drop; None where there is none, or more than one."""
    data = None if event is None else event.mimeData()
    urls = [] if data is None else [url for url in data.urls() if url.isLocalFile()]
    return Path(urls[0].toLocalFile()) if len(urls) == 1 else None
