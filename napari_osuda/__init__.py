"""Adapt an off-the-shelf MRI segmentation network to a new hospital, without source data or labels.

The names below are loaded when they are first used, so that napari's plugin menu does not wait for torch.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from napari_osuda.lazy import lazily
from napari_osuda.version import __version__

if TYPE_CHECKING:
    from napari_osuda.imaging import read_case
    from napari_osuda.method import AdaptationConfig
    from napari_osuda.models import load_model
    from napari_osuda.session import adapt_case

__all__ = ["AdaptationConfig", "__version__", "adapt_case", "load_model", "read_case"]

# Who wants to hear what is logged adds a handler; without one Python would print it.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "AdaptationConfig": "napari_osuda.method",
    "adapt_case": "napari_osuda.session",
    "load_model": "napari_osuda.models",
    "read_case": "napari_osuda.imaging",
}

__getattr__ = lazily(__name__, _HOMES)
