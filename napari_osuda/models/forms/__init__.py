"""The forms in which people exchange segmentation networks, one a module."""
