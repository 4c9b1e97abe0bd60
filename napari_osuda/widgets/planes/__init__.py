"""The Planes widget."""

from napari_osuda.widgets.planes.widget import PlanesWidget

__all__ = ["PlanesWidget"]
