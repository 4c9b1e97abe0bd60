"""``napari-osuda predict``: masks of a model as it is, one case after the other."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_osuda.cli.batch import Batch, skipped
from napari_osuda.cli.options import (
    add_case_options,
    model_of_options,
    print_note,
    read_given_case,
    write_own_grids,
)
from napari_osuda.cli.printing import say
from napari_osuda.errors import OutputError

__all__ = ["add_options", "predict"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    add_case_options(parser)
    parser.add_argument("--skip-existing", action="store_true", help="skip cases whose mask is there already")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="of the network's arithmetic (default: auto, bfloat16 where the processor has it)",
    )


def predict(options: argparse.Namespace) -> int:
    """Segment each case; 0, or 1 where one of them could not be."""
    from napari_osuda.imaging import SliceStack, case_name, write_labels
    from napari_osuda.session import predict_case, resolve_device, slice_spec
    from napari_osuda.session.inference.case_notes import case_notes, contrast_notes

    names = [case_name(spec) for spec in options.cases]
    _check(options.out, names, skip_existing=options.skip_existing)
    device = options.device or "auto"
    resolve_device(device)
    model = model_of_options(options)

    def work(number: int, name: str) -> None:
        path = _target(options.out, name)
        if path.exists():
            raise skipped()
        # One at a time: a thousand cases need the memory of one.
        case = read_given_case(options, number, model.card.channels)
        if not options.quiet:
            stack = SliceStack(case, slice_spec(model.card))
            for note in (*contrast_notes(case, model.card), *case_notes(stack, model.card)):
                print_note(note.text)
        with _Bar(name, quiet=options.quiet or options.verbose) as bar:
            mask = predict_case(model, case, device=device, precision=options.precision, on_progress=bar.show)
        write_labels(path, mask, case.grid)
        write_own_grids(options, case, mask)
        if not options.quiet:
            say(str(path))

    return Batch("segmented", options.quiet).run(names, len(names), work)


def _target(out: Path, name: str) -> Path:
    from napari_osuda.files import path_inside

    return path_inside(out, f"{name}.nii.gz")


def _check(out: Path, names: list[str], *, skip_existing: bool) -> None:
    from napari_osuda.files import name_given_twice

    twice = name_given_twice(names)
    if twice is not None:
        raise OutputError(
            f"Two cases are called '{twice}', so {_target(out, twice)} would be overwritten. Rename one's "
            "folder or file."
        )
    for name in names:
        path = _target(out, name)
        if path.exists() and not skip_existing:
            raise OutputError(
                f"{path} would be overwritten. Give another folder with --out, or --skip-existing."
            )


class _Bar:
    """How far a case is, on a terminal; nothing elsewhere."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        import sys

        from tqdm import tqdm

        self._bar = tqdm(
            desc=name, unit="slice", file=sys.stderr, leave=False, disable=quiet or not sys.stderr.isatty()
        )

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)
