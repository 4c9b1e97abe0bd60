"""The plugin's windows, each a thin view on one run; loaded only when one is opened."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_osuda.widgets.adapt.widget import AdaptWidget
    from napari_osuda.widgets.monitor.widget import MonitorWidget
    from napari_osuda.widgets.review.widget import ReviewWidget

__all__ = ["AdaptWidget", "MonitorWidget", "ReviewWidget"]

_HOMES = {
    "AdaptWidget": "napari_osuda.widgets.adapt",
    "MonitorWidget": "napari_osuda.widgets.monitor",
    "ReviewWidget": "napari_osuda.widgets.review",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
