"""A person's review of a run: decisions slice by slice, the final mask, and what is saved of it."""

from napari_osuda.session.review.case import ReviewCase, plane_axes
from napari_osuda.session.review.review import Review

__all__ = ["Review", "ReviewCase", "plane_axes"]
