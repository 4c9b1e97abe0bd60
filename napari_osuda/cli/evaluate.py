"""``napari-osuda evaluate``: scores of masks against references."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_osuda.cli.options import print_note
from napari_osuda.cli.printing import say
from napari_osuda.cli.terminal import DONE
from napari_osuda.errors import CaseError, OutputError

__all__ = ["add_options", "evaluate", "tell_unscored"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("--prediction", nargs="+", action="extend", required=True, metavar="FILE")
    parser.add_argument("--reference", nargs="+", action="extend", required=True, metavar="FILE")
    parser.add_argument(
        "--regions", default="each", metavar="MODEL|brats2021|brats2023|each",
        help="what is scored: a model's regions, a BraTS convention's, or each label (default)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE.csv|.json")


def evaluate(options: argparse.Namespace) -> int:
    """Score each prediction against its reference."""
    from napari_osuda import evaluation
    from napari_osuda.imaging import onto_grid, read_labels

    if options.out is not None:
        _check_out(options.out)
    if len(options.prediction) != len(options.reference):
        raise CaseError(
            f"There are {len(options.prediction)} predictions for {len(options.reference)} references; "
            "give them in pairs, in the same order."
        )
    regions: Any = options.regions
    known: tuple[int, ...] = ()
    if options.regions not in ("brats2021", "brats2023", "each"):
        regions, known = _regions_of(Path(options.regions))
    scores = {}
    for predicted, reference in zip(options.prediction, options.reference, strict=True):
        (a, grid_a), (b, grid_b) = read_labels(predicted), read_labels(reference)
        a = onto_grid(a, grid_a, predicted, grid_b, reference)
        twice = options.prediction.count(predicted) > 1
        name = f"{predicted}, {reference}" if twice else predicted
        scores[name] = evaluation.evaluate(a, b, grid_b.affine, regions, known)
        outside = evaluation.labels_outside(evaluation.resolve_regions(regions, a, b), a, b)
        tell_unscored(outside, predicted)
        _tell_apart(a, b, predicted, reference)
    for file, rows in scores.items():
        for row in rows:
            say(f"{file}: {row.region}: Dice {row.dice:.4f}, HD {row.hd:.2f} mm, HD95 {row.hd95:.2f} mm")
    if len(scores) > 1:
        for mean in evaluation.summarize(scores):
            say(
                f"{mean.region}: Dice {mean.dice_mean:.4f} (sd {mean.dice_sd:.4f}), "
                f"HD95 {mean.hd95_mean:.2f} mm over {mean.cases} cases, {mean.failures} of them failures"
            )
    if options.out is not None:
        evaluation.write_scores(options.out, scores)
    return DONE


def _check_out(path: Path) -> None:
    """Refuse, before anything is scored, a table that cannot be written or is there already."""
    from napari_osuda.evaluation import require_table

    require_table(path)
    if path.exists():
        raise OutputError(f"{path} would be overwritten. Give another name with --out, or delete it first.")


def tell_unscored(values: Sequence[int], where: str) -> None:
    """Say which labels enter no score."""
    if values:
        print_note(
            f"{where}: labels {', '.join(map(str, values))} are in no region, so no score counts them."
        )


def _tell_apart(a: Any, b: Any, predicted: str, reference: str) -> None:
    """Say where two masks have nothing to compare: no label at all, or none in common."""
    import numpy as np

    found = [sorted({int(v) for v in np.unique(labels)} - {0}) for labels in (a, b)]
    if not any(found):
        print_note(f"{predicted} and {reference} are both empty, so there is nothing to score.")
    elif all(found) and not set(found[0]) & set(found[1]):
        values = [", ".join(map(str, labels[:8])) for labels in found]
        print_note(
            f"{predicted} and {reference} have no label in common ({values[0]} and {values[1]}). "
            "If they mean the same, renumber one of them."
        )


def _regions_of(path: Path) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
    """Regions of a model, and all label values that it knows."""
    from napari_osuda.models import SavedAnswers, load_model

    card = load_model(path, memory=SavedAnswers()).card
    return card.scored_regions, tuple(card.labels)
