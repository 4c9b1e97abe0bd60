from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from napari_osuda.widgets.qt.dropped import dropped


@pytest.mark.parametrize(
    ("urls", "path"),
    [
        (["file:///runs/one"], Path("/runs/one")),
        (["file:///runs/one", "file:///runs/two"], None),
        (["https://example.org/model"], None),
        (["https://example.org/model", "file:///runs/one"], Path("/runs/one")),
        ([], None),
    ],
)
def test_one_local_file_is_taken_and_no_more(urls, path, qapp):
    data = QMimeData()
    data.setUrls([QUrl(url) for url in urls])
    event = QDropEvent(
        QPointF(1, 1),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    assert dropped(event) == path
    assert dropped(None) is None
