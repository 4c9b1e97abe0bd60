"""Scores of masks: against a reference (Dice, Hausdorff) and without one (entropy, pieces, change).

Arrays, spacings and affines in, numbers out: nothing here reads an image or knows a network.
"""

from __future__ import annotations

from napari_osuda.evaluation.calibration import Calibration, CalibrationTally
from napari_osuda.evaluation.changes import (
    DIFFERENCE,
    ChangeTable,
    change_table,
    difference,
)
from napari_osuda.evaluation.geometry import voxel_ml
from napari_osuda.evaluation.labelfree import (
    coherence,
    largest_piece,
    normalized_entropy,
)
from napari_osuda.evaluation.overlap import dice, precision, sensitivity, volume_ml
from napari_osuda.evaluation.pieces import Piece, count_pieces, lost_pieces, pieces_of
from napari_osuda.evaluation.regions import (
    REGIONS,
    labels_outside,
    region_masks,
    region_words,
    require_scorable,
    resolve_regions,
)
from napari_osuda.evaluation.scores import RegionScore, evaluate
from napari_osuda.evaluation.summary import RegionSummary, summarize
from napari_osuda.evaluation.surface import hausdorff, surface, surface_distances
from napari_osuda.evaluation.tables import require_table, write_rows, write_scores

__all__ = [
    "DIFFERENCE",
    "REGIONS",
    "Calibration",
    "CalibrationTally",
    "ChangeTable",
    "Piece",
    "RegionScore",
    "RegionSummary",
    "change_table",
    "coherence",
    "count_pieces",
    "dice",
    "difference",
    "evaluate",
    "hausdorff",
    "labels_outside",
    "largest_piece",
    "lost_pieces",
    "normalized_entropy",
    "pieces_of",
    "precision",
    "region_masks",
    "region_words",
    "require_scorable",
    "require_table",
    "resolve_regions",
    "sensitivity",
    "summarize",
    "surface",
    "surface_distances",
    "volume_ml",
    "voxel_ml",
    "write_rows",
    "write_scores",
]
