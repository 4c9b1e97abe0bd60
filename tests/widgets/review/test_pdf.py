from __future__ import annotations

import threading

import pytest

from napari_osuda.errors import OutputError
from napari_osuda.widgets.review.pdf import write_pdf


def test_a_page_becomes_a_pdf_whole_or_not_at_all(tmp_path, qapp):
    path = tmp_path / "report.pdf"
    write_pdf(path, "<h1>Two masks</h1>" + "<p>A line.</p>" * 200, "Two masks")
    assert path.read_bytes().startswith(b"%PDF-")
    assert b"/Count" in path.read_bytes()
    with pytest.raises(OutputError, match="cannot be written"):
        write_pdf(path / "inside.pdf", "<p></p>", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.pdf"]


def test_a_page_is_printed_on_a_thread_without_a_word_from_qt(tmp_path, qtlog):
    path = tmp_path / "report.pdf"
    page = "<h1>Two masks</h1>" + "<p>A line.</p>" * 200
    thread = threading.Thread(target=write_pdf, args=(path, page, "Two masks"))
    thread.start()
    thread.join()
    assert path.read_bytes().startswith(b"%PDF-")
    assert [record.message for record in qtlog.records] == []
