"""A person decides, slice by slice."""

from napari_osuda.session.review.review import Review, ReviewCase, plane_axes

__all__ = ["Review", "ReviewCase", "plane_axes"]
