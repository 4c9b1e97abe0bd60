"""MRI in, slices to the network, labels back in the scanner's own space."""

from napari_osuda.imaging.case import Case, Source, case_from_arrays, check_case
from napari_osuda.imaging.grid import Grid, require_same_grid
from napari_osuda.imaging.normalisation import NORMALISATIONS, Normalisation, normalise
from napari_osuda.imaging.slices import Plane, SliceSpec, SliceStack

__all__ = [
    "NORMALISATIONS",
    "Case",
    "Grid",
    "Normalisation",
    "Plane",
    "SliceSpec",
    "SliceStack",
    "Source",
    "case_from_arrays",
    "check_case",
    "normalise",
    "require_same_grid",
]
