from __future__ import annotations

import pyqtgraph as pg

from napari_osuda.widgets.monitor.color_bar import ColorBar
from napari_osuda.widgets.qt.theme import palette


def test_the_ends_of_the_bar_have_the_colors_of_the_map(qtbot):
    colors = pg.colormap.get("viridis")
    bar = ColorBar(colors, palette("dark"))
    qtbot.addWidget(bar)
    bar.resize(200, bar.height())
    bar.set_values(0.0, 1.0, 2.0)
    assert bar.accessibleName() == "Colors from 0 to 2"
    picture = bar.grab().toImage()
    ratio = picture.width() / bar.width()
    for x, share in ((1, 0.0), (198, 1.0)):
        found = picture.pixelColor(int(x * ratio), int(2 * ratio))
        wanted = colors.map(share, mode="qcolor")
        assert all(abs(a - b) < 12 for a, b in zip(found.getRgb()[:3], wanted.getRgb()[:3], strict=True))


def test_the_text_follows_the_theme(qtbot):
    bar = ColorBar(pg.colormap.get("viridis"), palette("dark"))
    qtbot.addWidget(bar)
    bar.set_colors(palette("light"))
    assert bar._text.name() == palette("light").text
