"""MRI in, slices to the network, labels back in the scanner's own space."""

from napari_osuda.imaging.normalisation import NORMALISATIONS, Normalisation, normalise

__all__ = ["NORMALISATIONS", "Normalisation", "normalise"]
