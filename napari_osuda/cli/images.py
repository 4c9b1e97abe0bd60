"""Options that say which images of a case are read, and what is done to them before the network."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_osuda.cli.printing import say
from napari_osuda.errors import CaseError

if TYPE_CHECKING:
    from napari_osuda.imaging import Case

__all__ = ["add_image_options", "read_given_case", "write_own_grids"]


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Choice of images in a folder of BIDS, reference grid, bias field and brain mask."""
    parser.add_argument(
        "--bids", nargs="+", action="extend", default=[], metavar="ENTITY=VALUE",
        help="of several images in a BIDS folder those of ses=..., run=..., acq=..., space=...",
    )  # fmt: skip
    parser.add_argument(
        "--reference-grid", default="", metavar="CHANNEL|finest",
        help="the image in whose voxels the mask comes back; others are resampled to it (default: the first)",
    )  # fmt: skip
    parser.add_argument(
        "--own-grids", action="store_true",
        help="write masks also in the voxels of each image that was resampled, in the folder own-grids",
    )  # fmt: skip
    parser.add_argument("--bias-correction", action="store_true", help="correct the bias field (N4) [itk]")
    parser.add_argument(
        "--brain-mask", nargs="+", action="extend", default=[], type=Path, metavar="FILE",
        help="for a model of brains without skull: a mask for each case, in order",
    )  # fmt: skip
    parser.add_argument("--extract-brain", action="store_true", help="make the brain mask (deepbet) [brain]")


def read_given_case(options: argparse.Namespace, index: int, channels: Sequence[str]) -> Case:
    """Read the case of that number, prepared as the options say.

    Raises
    ------
    OsudaError
        As `napari_osuda.read_case`; or there are not as many brain masks as cases.
    """
    from napari_osuda.imaging import Preparation, read_case
    from napari_osuda.imaging.finding.bids import parse_entities

    masks = options.brain_mask
    if masks and len(masks) != len(options.cases):
        raise CaseError(
            f"There are {len(masks)} brain masks for {len(options.cases)} cases; give one for each, in order."
        )
    preparation = Preparation(
        reference_grid=options.reference_grid,
        bias_field=options.bias_correction,
        brain_mask=masks[index] if masks else None,
        extract_brain=options.extract_brain,
    )
    entities = parse_entities(options.bids)
    return read_case(options.cases[index], channels, entities=entities, preparation=preparation)


def write_own_grids(
    options: argparse.Namespace, case: Case, labels: Any, kind: str = "", out: Path | None = None
) -> None:
    """Write a mask in each resampled image's voxels, where that was asked for."""
    from napari_osuda.imaging.preparation.own_grids import write_on_own_grids

    if not options.own_grids:
        return
    for path in write_on_own_grids((out or options.out) / "own-grids" / kind, case, labels):
        if not options.quiet:
            say(str(path))
