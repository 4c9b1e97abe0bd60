"""The Review widget."""

from napari_osuda.widgets.review.widget import ReviewWidget

__all__ = ["ReviewWidget"]
