"""The command line: the same session as the widgets', with files in and files out."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_osuda.cli.bench import add_options, bench
from napari_osuda.cli.images import add_image_options, read_given_case, write_own_grids
from napari_osuda.cli.printing import say
from napari_osuda.cli.terminal import DONE, FAILED, INTERRUPTED, WRONG_USAGE, run_on_terminal, summary
from napari_osuda.errors import CaseError, ConfigError, OsudaError, OutputError, explain
from napari_osuda.version import __version__

if TYPE_CHECKING:
    from napari_osuda.imaging import Case
    from napari_osuda.models import SourceModel
    from napari_osuda.session import RunResult

__all__ = ["main"]

# Set, it shows where in the program a failure came from.
_DEBUG = "OSUDA_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that knows ASCII alone shows what it cannot write as escapes.
            stream.reconfigure(errors="backslashreplace")
    try:
        options = _parser().parse_args(argv)
        return int(options.command(options))
    except KeyboardInterrupt:
        say("napari-osuda: stopped.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        say(f"napari-osuda: {explain(error)}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="napari-osuda",
        description="Adapt a segmentation network to a new hospital's MRI, without source data and labels.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run)
        return sub

    demo = command("demo", _demo, "Adapt the sample model to a sample patient, in napari or headless.")
    demo.add_argument("--out", type=Path, metavar="DIR", help="run folder (headless; default: ./demo-run)")
    demo.add_argument("--no-gui", action="store_true", help="run headless even where there is a display")

    inspect = command("inspect", _inspect, "What a model is, and whether it can be adapted.")
    inspect.add_argument("model", type=Path, metavar="MODEL")
    inspect.add_argument("--json", action="store_true", help="as JSON")
    _model_options(inspect)

    predict = command("predict", _predict, "Segment cases with a model as it is.")
    _case_options(predict)

    adapt = command("adapt", _adapt, "Adapt a model to the cases of a target domain.")
    _case_options(adapt, required=False)
    adapt.add_argument("--method", default="osuda", metavar="NAME", help="default osuda; 'list' prints all")
    adapt.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings")
    adapt.add_argument(
        "--reference", nargs="+", action="extend", default=[], metavar="CASE_LABELS",
        help="label volumes in the order of the cases, for scores alone",
    )  # fmt: skip
    adapt.add_argument("--seed", type=int, metavar="N")
    adapt.add_argument("--resume", action="store_true", help="go on with the unfinished run in --out")

    evaluate = command("evaluate", _evaluate, "Score masks against references.")
    evaluate.add_argument("--prediction", nargs="+", action="extend", required=True, metavar="FILE")
    evaluate.add_argument("--reference", nargs="+", action="extend", required=True, metavar="FILE")
    evaluate.add_argument(
        "--regions", default="each", metavar="MODEL|brats2021|brats2023|each",
        help="what is scored: a model's regions, a BraTS convention's, or each label (default)",
    )  # fmt: skip
    evaluate.add_argument("--out", type=Path, metavar="FILE.csv|.json")

    add_options(command("bench", bench, "The paper's tables: every method on simulated or BraTS patients."))
    return parser


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set-card", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="what the model's card leaves open, such as plane=axial; kept for the next time",
    )  # fmt: skip
    parser.add_argument("--trust", action="store_true", help="allow a model file that runs code when read")


def _case_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--model", type=Path, required=required, metavar="MODEL")
    parser.add_argument(
        "--case", nargs="+", action="extend", required=required, metavar="CASE", dest="cases",
        help="a folder of files or DICOM series, name=file,name=file, files in channel order, a 4-D file",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=required, metavar="DIR")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--quiet", action="store_true", help="print only errors")
    add_image_options(parser)
    _model_options(parser)


def _load(options: argparse.Namespace) -> SourceModel:
    from napari_osuda.models import SavedAnswers, load_model

    overrides = dict(_pair(item) for item in options.set_card)
    model = load_model(options.model, trust=options.trust, overrides=overrides or None, memory=SavedAnswers())
    if not getattr(options, "quiet", True):
        for note in model.notes:
            say(f"napari-osuda: note: {note}", file=sys.stderr)
    return model


def _pair(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals:
        raise ConfigError(f"'{item}' is not KEY=VALUE, as in plane=axial.")
    return key.strip(), value.strip()


def _read_cases(options: argparse.Namespace, model: SourceModel) -> tuple[Case, ...]:
    return tuple(read_given_case(options, i, model.card.channels) for i in range(len(options.cases)))


def _inspect(options: argparse.Namespace) -> int:
    from napari_osuda.models import inspect_model

    found = inspect_model(_load(options))
    if options.json:
        say(json.dumps(found.to_dict(), indent=1))
    else:
        say("\n".join(found.lines()))
    return DONE


def _predict(options: argparse.Namespace) -> int:
    from napari_osuda.files import path_inside
    from napari_osuda.imaging import SliceStack, write_labels
    from napari_osuda.session import predict_case
    from napari_osuda.session.inference.case_notes import case_notes
    from napari_osuda.session.inference.case_slices import slice_spec

    model = _load(options)
    cases = _read_cases(options, model)
    targets = [path_inside(options.out, f"{case.name}.nii.gz") for case in cases]
    for path in targets:
        if path.exists() or targets.count(path) > 1:
            raise OutputError(f"{path} would be overwritten; give another folder with --out.")
    for case, path in zip(cases, targets, strict=True):
        for note in case_notes(SliceStack(case, slice_spec(model.card)), model.card):
            say(f"napari-osuda: note: {note.text}", file=sys.stderr)
        labels = predict_case(model, case, device=options.device)
        write_labels(path, labels, case.grid)
        write_own_grids(options, case, labels)
        if not options.quiet:
            say(str(path))
    return DONE


def _adapt(options: argparse.Namespace) -> int:
    from napari_osuda.method import PRESETS, AdaptationConfig, check_complete, preset

    if options.method == "list":
        width = max(map(len, PRESETS))
        for known in PRESETS.values():
            say(f"{known.name:<{width}}  {known.summary} ({known.citation})")
        return DONE
    for name in ("model", "cases", "out"):
        if not getattr(options, name):
            option = {"cases": "case"}.get(name, name)
            say(f"napari-osuda adapt: the option --{option} is required", file=sys.stderr)
            return WRONG_USAGE
    from napari_osuda.session.preflight import check_out

    config = AdaptationConfig.from_items(options.settings, base=preset(options.method))
    if options.seed is not None:
        config = config.replace(seed=options.seed)
    check_complete(options.method, config)
    check_out(options.out, resume=options.resume)
    model = _load(options)
    cases = _read_cases(options, model)
    result = run_on_terminal(
        model, cases, config, method=options.method, references=_references(options.reference, cases, model),
        device=options.device, out=options.out, resume=options.resume, quiet=options.quiet,
    )  # fmt: skip
    for found in result.cases:
        for kind, labels in (("before", found.before), ("after", found.after)):
            if labels is not None:
                write_own_grids(options, found.case, labels, kind)
    return _conclude(result, options.quiet)


def _references(files: Sequence[str], cases: Sequence[Case], model: SourceModel) -> tuple[Any, ...]:
    from napari_osuda.evaluation import require_scorable
    from napari_osuda.imaging import onto_grid, read_labels

    if not files:
        return ()
    if len(files) != len(cases):
        raise CaseError(
            f"There are {len(files)} references for {len(cases)} cases; give one for each, in order."
        )
    read = []
    for file, case in zip(files, cases, strict=True):
        labels, grid = read_labels(file)
        read.append(onto_grid(labels, grid, f"its reference {file}", case.grid, f"The case '{case.name}'"))
    for file, labels in zip(files, read, strict=True):
        _tell_unscored(
            require_scorable(model.card.scored_regions, labels, known=tuple(model.card.labels)), file
        )
    return tuple(read)


def _conclude(result: RunResult, quiet: bool) -> int:
    if result.outcome == "failed":
        raise OsudaError(result.error or "The run failed.")
    if not quiet:
        say("\n".join(summary(result)))
    if result.outcome == "stopped":
        where = (
            ""
            if result.folder is None or not result.folder.is_dir()
            else f" The partial run is saved in {result.folder}; --resume goes on."
        )
        say(
            f"Stopped after {len(result.reports)} of {result.job.config.iterations} iterations.{where}",
            file=sys.stderr,
        )
        return INTERRUPTED
    return DONE


def _evaluate(options: argparse.Namespace) -> int:
    from napari_osuda.evaluation import evaluate, labels_outside, resolve_regions, summarize, write_scores
    from napari_osuda.imaging import onto_grid, read_labels

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
        scores[predicted] = evaluate(a, b, grid_b.affine, regions, known)
        _tell_unscored(labels_outside(resolve_regions(regions, a, b), a, b), predicted)
    for file, rows in scores.items():
        for row in rows:
            say(f"{file}: {row.region}: Dice {row.dice:.4f}, HD {row.hd:.2f} mm, HD95 {row.hd95:.2f} mm")
    if len(scores) > 1:
        for mean in summarize(scores):
            say(
                f"{mean.region}: Dice {mean.dice_mean:.4f} (sd {mean.dice_sd:.4f}), "
                f"HD95 {mean.hd95_mean:.2f} mm over {mean.cases} cases, {mean.failures} of them failures"
            )
    if options.out is not None:
        write_scores(options.out, scores)
    return DONE


def _tell_unscored(values: Sequence[int], where: str) -> None:
    """Say which labels enter no score."""
    if values:
        listed = ", ".join(map(str, values))
        say(f"napari-osuda: note: {where}: labels {listed} are in no region, so no score counts them.",
              file=sys.stderr)  # fmt: skip


def _regions_of(path: Path) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
    """Regions of a model, and all label values that it knows."""
    from napari_osuda.models import SavedAnswers, load_model

    card = load_model(path, memory=SavedAnswers()).card
    return card.scored_regions, tuple(card.labels)


def _demo(options: argparse.Namespace) -> int:
    from napari_osuda.cli.demo import run_demo

    return run_demo(out=options.out, gui=not options.no_gui)
