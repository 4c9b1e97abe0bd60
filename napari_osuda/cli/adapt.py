"""``napari-osuda adapt``: several cases together, each by itself, or a recorded run once more."""

from __future__ import annotations

import argparse
import signal
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_osuda.cli.batch import Batch, skipped
from napari_osuda.cli.evaluate import tell_unscored
from napari_osuda.cli.options import (
    add_case_options,
    add_method_options,
    given_model,
    model_of_options,
    read_given_case,
    write_own_grids,
)
from napari_osuda.cli.printing import say
from napari_osuda.cli.terminal import DONE, INTERRUPTED, WRONG_USAGE, run_on_terminal, summary
from napari_osuda.errors import CaseError, ConfigError, OsudaError, OutputError

if TYPE_CHECKING:
    from napari_osuda.imaging import Case
    from napari_osuda.method import AdaptationConfig
    from napari_osuda.method.computing.distributed import Processes
    from napari_osuda.models import SourceModel
    from napari_osuda.session import RunResult
    from napari_osuda.session.run_folder.rerun import Rerun

__all__ = ["adapt", "add_options", "list_methods", "list_settings", "settings_of"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    add_case_options(parser, required=False)
    add_method_options(parser)
    parser.add_argument(
        "--reference", nargs="+", action="extend", default=[], metavar="CASE_LABELS",
        help="label volumes in the order of the cases, for scores only",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="continue the unfinished run in --out")
    parser.add_argument(
        "--each", action="store_true",
        help="adapt to each case by itself, into a folder of its name in --out; --resume skips finished ones",
    )  # fmt: skip
    parser.add_argument(
        "--config", type=Path, metavar="RUN.JSON",
        help="repeat a run with its model, cases, settings and seed; other options override them",
    )  # fmt: skip


def list_methods() -> int:
    """Print every method with a line."""
    from napari_osuda.method import PRESETS

    width = max(map(len, PRESETS))
    for known in PRESETS.values():
        say(f"{known.name:<{width}}  {known.summary} ({known.citation})")
    return DONE


def list_settings() -> int:
    """Print every setting: its default, what it does, and its range."""
    from napari_osuda.method import AdaptationConfig
    from napari_osuda.method.settings import setting_texts

    for group, members in setting_texts(AdaptationConfig).items():
        say(f"{group}:")
        for name, text in members.items():
            say(textwrap.fill(f"{name}={text}", 100, initial_indent="  ", subsequent_indent="      "))
    return DONE


def settings_of(options: argparse.Namespace, base: AdaptationConfig | None = None) -> AdaptationConfig:
    """The settings of ``--method``, ``--set`` and ``--seed``; ``base`` is what holds without a method."""
    from napari_osuda.method import AdaptationConfig, check_complete, preset

    method = options.method or "osuda"
    if base is None or options.method is not None:
        base = preset(method)
    config = AdaptationConfig.from_items(options.settings, base=base)
    if options.seed is not None:
        config = config.replace(seed=options.seed)
    check_complete(method, config)
    return config


def adapt(options: argparse.Namespace) -> int:
    """Adapt; 0 done, 1 failed, 130 stopped."""
    if options.method == "list":
        return list_methods()
    if options.settings == ["list"]:
        return list_settings()
    needed = ("out",) if options.config is not None else ("model", "cases", "out")
    for name in needed:
        if not getattr(options, name):
            option = {"cases": "case"}.get(name, name)
            say(f"napari-osuda adapt: the option --{option} is required", file=sys.stderr)
            return WRONG_USAGE
    if options.each:
        if options.config is not None:
            say("napari-osuda adapt: --each and --config exclude each other", file=sys.stderr)
            return WRONG_USAGE
        return _adapt_each(options)
    return _adapt_together(options)


def _adapt_together(options: argparse.Namespace) -> int:
    from napari_osuda.method.computing.distributed import launched
    from napari_osuda.session.preflight import check_out

    wanted = _Wanted.of(options)
    with launched(wanted.device) as (processes, device):
        wanted, first = replace(wanted, device=device), processes.rank == 0
        if first:
            check_out(options.out, resume=options.resume)
        else:
            options.quiet = True
        model = wanted.model(options)
        cases = wanted.cases(options, model)
        if not first:
            return _assist(options, wanted, model, cases, processes)
        references = _references(options.reference, cases, model)
        result = _run(options, wanted, model, cases, references, options.out, processes=processes)
        return _conclude(result, options.quiet)


def _assist(
    options: argparse.Namespace,
    wanted: _Wanted,
    model: SourceModel,
    cases: tuple[Case, ...],
    processes: Processes,
) -> int:
    """Take part in the run of the first process, which alone is asked to stop, tells and writes."""
    from napari_osuda.session.api import make_job
    from napari_osuda.session.run.assisting import assist

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job = make_job(
        model, cases, wanted.config, method=wanted.method, device=wanted.device, out=options.out,
        resume=options.resume,
    )  # fmt: skip
    assist(job, processes)
    return DONE


def _adapt_each(options: argparse.Namespace) -> int:
    from napari_osuda.files import name_given_twice, path_inside
    from napari_osuda.imaging import case_name
    from napari_osuda.method.computing.distributed import launched_count
    from napari_osuda.session.run_folder.checkpoint import saved_states

    if launched_count() > 1:
        raise ConfigError(
            "--each adapts to one case after the other and shares nothing out. Leave torchrun away, or use "
            "napari-osuda cohort with --num-parts."
        )
    wanted = _Wanted.of(options)
    names = [case_name(spec) for spec in options.cases]
    twice = name_given_twice(names)
    if twice is not None:
        raise CaseError(f"Two cases are called '{twice}': rename one's folder or file.")
    if options.reference and len(options.reference) != len(names):
        raise CaseError(
            f"Cases given: {len(names)}, references: {len(options.reference)}. Give one for each, in order."
        )
    folders = [path_inside(options.out, name) for name in names]
    if not options.resume:
        for folder in folders:
            if folder.is_dir() and any(folder.iterdir()):
                raise OutputError(
                    f"The folder {folder} is not empty. Give another --out, or --resume to do the rest."
                )
    model = wanted.model(options)

    def work(number: int, name: str) -> None:
        folder = folders[number]
        if options.resume and _finished(folder):
            raise skipped()
        case = read_given_case(options, number, model.card.channels)
        references = _references(options.reference[number : number + 1], (case,), model)
        resume = options.resume and bool(saved_states(folder))
        result = _run(options, wanted, model, (case,), references, folder, resume=resume)
        if _conclude(result, options.quiet) == INTERRUPTED:
            raise KeyboardInterrupt

    return Batch("adapted", options.quiet).run(names, len(names), work)


def _finished(folder: Path) -> bool:
    from napari_osuda.files import is_run_folder
    from napari_osuda.session.run_folder.record import read_record

    return is_run_folder(folder) and read_record(folder).outcome == "done"


@dataclass(frozen=True)
class _Wanted:
    """What is to be done, by the options and by the run that they repeat."""

    config: AdaptationConfig
    method: str
    device: str
    again: Rerun | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> _Wanted:
        if options.config is None:
            return cls(settings_of(options), options.method or "osuda", options.device or "auto", None)
        from napari_osuda.session.run_folder.rerun import Rerun

        again = Rerun.of(options.config)
        config = settings_of(options, again.config)
        # On which device it ran is told, what was asked for is not: the same one, where it is there.
        return cls(
            config, options.method or again.record.method, options.device or again.record.device, again
        )

    def model(self, options: argparse.Namespace) -> SourceModel:
        if self.again is None or options.model is not None:
            return model_of_options(options)
        return given_model(self.again.model(trust=options.trust), quiet=options.quiet)

    def cases(self, options: argparse.Namespace, model: SourceModel) -> tuple[Case, ...]:
        if self.again is not None and not options.cases:
            return self.again.cases(model.card.channels)
        return tuple(read_given_case(options, i, model.card.channels) for i in range(len(options.cases)))


def _run(
    options: argparse.Namespace,
    wanted: _Wanted,
    model: SourceModel,
    cases: tuple[Case, ...],
    references: tuple[Any, ...],
    out: Path,
    *,
    resume: bool | None = None,
    processes: Processes | None = None,
) -> RunResult:
    result = run_on_terminal(
        model, cases, wanted.config, method=wanted.method, references=references, device=wanted.device,
        out=out, resume=options.resume if resume is None else resume,
        quiet=options.quiet, bars=not options.verbose, processes=processes,
    )  # fmt: skip
    for found in result.cases:
        for kind, labels in (("before", found.before), ("after", found.after)):
            if labels is not None:
                write_own_grids(options, found.case, labels, kind, out)
    return result


def _references(files: Sequence[str], cases: Sequence[Case], model: SourceModel) -> tuple[Any, ...]:
    from napari_osuda.evaluation import require_scorable
    from napari_osuda.imaging import onto_grid, read_labels

    if not files:
        return ()
    if len(files) != len(cases):
        raise CaseError(f"Cases given: {len(cases)}, references: {len(files)}. Give one for each, in order.")
    read = []
    for file, case in zip(files, cases, strict=True):
        labels, grid = read_labels(file)
        read.append(onto_grid(labels, grid, f"its reference {file}", case.grid, f"The case '{case.name}'"))
    for file, labels in zip(files, read, strict=True):
        tell_unscored(
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
            else f" The partial run is saved in {result.folder}; --resume continues it."
        )
        say(
            f"Stopped after {len(result.reports)} of {result.job.config.iterations} iterations.{where}",
            file=sys.stderr,
        )
        return INTERRUPTED
    return DONE
