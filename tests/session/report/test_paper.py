from __future__ import annotations

import re

import numpy as np
from review_parts import AFFINE, COLORS, LABELS, masks

from napari_osuda.session.report.content import Curves, ReportCase, ReportInput
from napari_osuda.session.report.paper import paper


def test_the_page_on_paper_has_all_tables_and_pictures_and_nothing_a_text_engine_lacks():
    before, after = masks((30, 25, 4))
    case = ReportCase(
        name="<a> & b", image=np.ones(before.shape, np.float32), before=before, after=after, final=after,
        affine=AFFINE, decision="neither",
        review={"reviewer": "A. <Reader>", "tools used": [{"tool": "smooth"}]},
    )  # fmt: skip
    report = ReportInput(
        title="A model", outcome="done", recommendation="neither", reasons=("They <differ>.",), cases=[case],
        labels=LABELS, colors=COLORS, regions={"WT": [1, 3]}, curves=Curves(), settings={"rate": 0.1},
        provenance={"version": "1"},
    )  # fmt: skip
    page = paper(report)
    assert not re.search(r"<(svg|script|figure|div class=.panel)", page)
    assert "Case &lt;a&gt; &amp; b" in page
    assert "A. &lt;Reader&gt;" in page
    assert "Volumes, ml" in page
    assert "tools used" in page
    sizes = [tuple(map(int, found)) for found in re.findall(r'<img [^>]*width="(\d+)" height="(\d+)"', page)]
    assert sizes
    assert all(width <= 140 and height <= 140 for width, height in sizes)
