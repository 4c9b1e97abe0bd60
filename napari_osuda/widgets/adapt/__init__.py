"""The Adapt widget."""

from napari_osuda.widgets.adapt.widget import AdaptWidget

__all__ = ["AdaptWidget"]
