"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_osuda.cli.images import add_image_options
from napari_osuda.cli.printing import say
from napari_osuda.errors import ConfigError

if TYPE_CHECKING:
    from napari_osuda.models import SourceModel

__all__ = [
    "add_case_options",
    "add_device",
    "add_method_options",
    "add_model_options",
    "card_answers",
    "given_model",
    "read_model",
    "told",
]

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """What a model file may leave open, and whether it may run code."""
    parser.add_argument(
        "--set-card", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="what the model's card leaves open, such as plane=axial; kept for the next time",
    )  # fmt: skip
    parser.add_argument("--trust", action="store_true", help="allow a model file that runs code when read")
    parser.add_argument(
        "--verbose", action="store_true", help="tell each step, and where a failure came from"
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
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--seed", type=int, metavar="N")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where the arithmetic runs."""
    parser.add_argument("--device", type=_device, metavar="auto|cpu|cuda|cuda:N|mps", help="default: auto")


def _device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is none of auto, cpu, cuda, cuda:0, cuda:1, ..., mps")
    return text


def card_answers(items: Sequence[str]) -> dict[str, str]:
    """The texts of ``--set-card`` by key; raises ConfigError where one is not KEY=VALUE."""
    return dict(_pair(item) for item in items)


def _pair(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals:
        raise ConfigError(f"'{item}' is not KEY=VALUE, as in plane=axial.")
    return key.strip(), value.strip()


def read_model(options: argparse.Namespace) -> SourceModel:
    """The model of ``--model`` (or the argument MODEL), with the answers of ``--set-card``."""
    from napari_osuda.models import SavedAnswers, load_model

    overrides = card_answers(options.set_card)
    model = load_model(options.model, trust=options.trust, overrides=overrides or None, memory=SavedAnswers())
    return given_model(model, quiet=getattr(options, "quiet", True))


def given_model(model: SourceModel, *, quiet: bool) -> SourceModel:
    """The model itself, once what there is to know of it has been said."""
    if not quiet:
        for note in model.notes:
            told(note)
    return model


def told(note: str) -> None:
    """Tell a note on stderr."""
    say(f"napari-osuda: note: {note}", file=sys.stderr)
