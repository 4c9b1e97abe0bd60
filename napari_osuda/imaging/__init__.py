"""MRI in, slices to the network, labels back in the scanner's own space."""

from napari_osuda.imaging.case import Case, Source, case_from_arrays, check_case
from napari_osuda.imaging.choices import FINEST, Preparation
from napari_osuda.imaging.finding.folder import image_for
from napari_osuda.imaging.grid import Grid, onto_grid, require_same_grid
from napari_osuda.imaging.intensity.maps import (
    INTENSITY_MAPS,
    IntensityMap,
    Knots,
    MapName,
    expected_map,
    map_scores,
)
from napari_osuda.imaging.intensity.normalization import NORMALIZATIONS, IntensityNormalization, normalize
from napari_osuda.imaging.modalities import (
    channel_caption,
    is_label_name,
    likest,
    match_channels,
    modality_of,
    name_with_contrast,
    substituted,
)
from napari_osuda.imaging.naming import case_name
from napari_osuda.imaging.planes import Plane
from napari_osuda.imaging.reading import read_case
from napari_osuda.imaging.slices import SliceStack
from napari_osuda.imaging.spec import SliceSpec
from napari_osuda.imaging.volumes import (
    Volume,
    digest_of,
    identity_of,
    read_labels,
    read_volume,
    title_of,
)
from napari_osuda.imaging.writing import write_labels, write_shares

__all__ = [
    "FINEST",
    "INTENSITY_MAPS",
    "NORMALIZATIONS",
    "Case",
    "Grid",
    "IntensityMap",
    "IntensityNormalization",
    "Knots",
    "MapName",
    "Plane",
    "Preparation",
    "SliceSpec",
    "SliceStack",
    "Source",
    "Volume",
    "case_from_arrays",
    "case_name",
    "channel_caption",
    "check_case",
    "digest_of",
    "expected_map",
    "identity_of",
    "image_for",
    "is_label_name",
    "likest",
    "map_scores",
    "match_channels",
    "modality_of",
    "name_with_contrast",
    "normalize",
    "onto_grid",
    "read_case",
    "read_labels",
    "read_volume",
    "require_same_grid",
    "substituted",
    "title_of",
    "write_labels",
    "write_shares",
]
