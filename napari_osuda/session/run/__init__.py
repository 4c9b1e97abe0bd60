"""One adaptation from cases to a result."""

from napari_osuda.session.run.result import classes_of
from napari_osuda.session.run.run import Run

__all__ = ["Run", "classes_of"]
