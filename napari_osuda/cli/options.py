"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_osuda.cli.printing import say
from napari_osuda.errors import CaseError, ConfigError, ModelError, OsudaError

if TYPE_CHECKING:
    from napari_osuda.imaging import Case
    from napari_osuda.models import SourceModel

__all__ = [
    "add_case_options",
    "add_device",
    "add_image_options",
    "add_method_options",
    "add_model_options",
    "card_answers",
    "given_model",
    "model_of_options",
    "print_note",
    "read_given_case",
    "write_own_grids",
]

# Share of an image's voxels that a mask covers, from which on nothing is missing that is worth a word.
_WHOLE = 0.99
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """What a model file may leave open, and whether it may run code."""
    parser.add_argument(
        "--set-card", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="what the model's card leaves open, such as plane=axial; kept for the next time",
    )  # fmt: skip
    parser.add_argument("--trust", action="store_true", help="allow a model file that runs code when read")
    parser.add_argument(
        "--verbose", action="store_true", help="print each step, and where an error came from"
    )


def add_case_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """A model, cases, and where the masks go."""
    parser.add_argument("--model", type=Path, required=required, metavar="MODEL")
    parser.add_argument(
        "--case", nargs="+", action="extend", required=required, metavar="CASE", dest="cases",
        help="a folder of files or DICOM series, name=file,name=file, files in channel order, a 4-D file",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=required, metavar="DIR")
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="print only errors")
    add_image_options(parser)
    add_model_options(parser)


def add_method_options(parser: argparse.ArgumentParser) -> None:
    """How to adapt."""
    parser.add_argument("--method", metavar="NAME", help="default osuda; 'list' prints all")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings",
        help="change settings, such as iterations=40; 'adapt --set list' prints all",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="N")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where the arithmetic runs."""
    parser.add_argument("--device", type=_device, metavar="auto|cpu|cuda|cuda:N|mps", help="default: auto")


def _device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not one of auto, cpu, cuda, cuda:0, cuda:1, ..., mps")
    return text


def card_answers(items: Sequence[str]) -> dict[str, str]:
    """The texts of ``--set-card`` by key; raises ConfigError where one is not KEY=VALUE."""
    return dict(_pair(item) for item in items)


def _pair(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals:
        raise ConfigError(f"'{item}' is not KEY=VALUE, as in plane=axial.")
    return key.strip(), value.strip()


def model_of_options(options: argparse.Namespace) -> SourceModel:
    """The model of ``--model`` (or the argument MODEL), with the answers of ``--set-card``."""
    from napari_osuda.models import SavedAnswers, load_model

    overrides = card_answers(options.set_card)
    path = _place_of_model(options.model)
    model = load_model(path, trust=options.trust, overrides=overrides or None, memory=SavedAnswers())
    return given_model(model, quiet=getattr(options, "quiet", True))


def _place_of_model(given: Path) -> Path:
    """What was given, or the sample model of that name."""
    from napari_osuda.simulation.shipped import sample_models

    if os.path.lexists(given.expanduser()):
        return given
    try:
        samples = sample_models()
    except OsudaError:
        return given
    if str(given) in samples:
        return samples[str(given)]
    raise ModelError(
        f"There is no model at {str(given)[:300]}. Give its file or folder, or the name of a sample: "
        f"{', '.join(samples)}."
    )


def given_model(model: SourceModel, *, quiet: bool) -> SourceModel:
    """The model itself, once what there is to know of it has been said."""
    if not quiet:
        for note in model.notes:
            print_note(note)
    return model


def print_note(note: str) -> None:
    """Tell a note on stderr."""
    say(f"napari-osuda: note: {note}", file=sys.stderr)


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
    for written in write_on_own_grids((out or options.out) / "own-grids" / kind, case, labels):
        if not options.quiet:
            say(str(written.path))
            if written.covered < _WHOLE:
                print_note(
                    f"{1 - written.covered:.0%} of the voxels of {written.channel} in '{case.name}' lie "
                    f"outside the image of {case.preparation.reference_grid}. Nothing is marked there."
                )
