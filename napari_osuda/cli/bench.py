"""``napari-osuda bench``: every method on simulated patients, or on those of a public data set."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_osuda.cli.bench_data import BenchData, bench_data, tell
from napari_osuda.cli.options import add_device
from napari_osuda.cli.printing import say
from napari_osuda.errors import ConfigError, OutputError
from napari_osuda.files import written_whole

if TYPE_CHECKING:
    from napari_osuda.benchmark.bench import Done, GuardOf
    from napari_osuda.benchmark.comparators.command import Comparison
    from napari_osuda.benchmark.protocols import Protocol

__all__ = ["add_options", "bench"]

_ABOUT = (
    "Each patient is a target of its own: nothing is learned from one for the next. Dice and HD95 (mm) are "
    "those of the adapted masks. HD95 is of the trials that have one. In brackets are those that failed, "
    "with one mask empty or none at all. Means and deviations are over the patients, each the mean of its "
    "seeds. *Sd of seeds* is that of a patient over the seeds (of the order of the batches). "
    "*s a case* is a median. "
    "*Gained*: in so many trials the first region is more than 0.01 better than the source model's. "
    "*Harmed*: any region is more than 0.01 worse. *Worst*: the least change of any. *Guarded* follows the "
    "guard, which sees no reference, where it has judged all patients."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="NAME",
        help="only these methods, protocols or groups; an unknown name prints all",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("bench"), metavar="DIR", help="default: ./bench")
    parser.add_argument(
        "--patients", type=int, metavar="N", help="number of patients (default: 10 simulated, or all)"
    )
    parser.add_argument("--skip", type=int, metavar="N", help="number of patients to skip first (default 0)")
    parser.add_argument(
        "--tuning",
        action="store_true",
        help="use the patients that settings were chosen on; the figures are not results",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="default 0 1 2")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="settings",
        help="change a setting of every method, such as contrast=off; use another --out for it",
    )  # fmt: skip
    parser.add_argument(
        "--held-out", type=Path, nargs="+", metavar="TABLE", dest="held_out",
        help="judge each patient by a guard fitted on these tables without its institution or collection",
    )  # fmt: skip
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--brats-root",
        type=Path,
        metavar="DIR",
        help="folder of a BraTS release, in place of simulated patients",
    )
    data.add_argument(
        "--lgg-root",
        type=Path,
        metavar="DIR",
        help="folder of the LGG segmentation data set (Buda et al., kaggle_3m)",
    )
    data.add_argument(
        "--hippocampus-root", type=Path, metavar="DIR", help="folder Task04_Hippocampus of the Decathlon"
    )
    parser.add_argument("--split-seed", type=int, default=0, metavar="N", help="seed of the BraTS split (0)")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="epochs of training source models on real MRI"
    )
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="where models trained on real MRI are (default: in --out)"
    )
    parser.add_argument(
        "--comparators", choices=("small", "full"),
        help="also train methods that keep the source data; full is for a graphics card",
    )  # fmt: skip
    add_device(parser)


def bench(options: argparse.Namespace) -> int:
    """Run what has not been run in ``--out`` yet, and write the tables; 0, or 1 where every trial failed.

    Ctrl-C leaves the finished trials and epochs of training, and the same command goes on from there.
    """
    from napari_osuda.benchmark.bench import bench_rows, run_bench
    from napari_osuda.benchmark.guard.report import guard_report
    from napari_osuda.benchmark.tables import bench_report

    _check(options)
    options.device = options.device or "auto"
    data = bench_data(options)
    protocols, methods, beside = _chosen(options, data)
    series = data.series(protocols)
    _require_same_settings(options.out, options.settings)
    rows = bench_rows(options.out / "bench.csv", data.regions)
    guards = _guard_of(options.held_out)
    try:
        any_done = _run(
            run_bench(series, rows, methods, options.seeds, options.device, options.settings, guards)
        )
        if beside is not None:
            any_done |= _run(beside.run(series, options.seeds[0], options.device, tell))
    except KeyboardInterrupt:
        reached = f"Trials in {rows.path}: {len(rows)}" if len(rows) else "No trial is done yet"
        say(f"Stopped. {reached}; the same command continues.", file=sys.stderr)
        return 130
    finally:
        if len(rows):
            about = _about(rows, data, options.settings)
            page = bench_report(list(rows), "Bench", about, data.catalog.protocols)
            _write(options.out / "bench.md", page)
            _write(options.out / "guard.md", guard_report(list(rows)))
        page_beside = beside.write(rows, data.origin, data.catalog) if beside is not None else ""
    if page_beside:
        say(page_beside)
    say((options.out / "bench.md").read_text(encoding="utf-8"))
    if not any_done:
        say(
            f"Every trial failed, so there are no figures. {options.out / 'bench.md'} gives the reasons. "
            "Correct that, and the same command tries them again.",
            file=sys.stderr,
        )
        return 1
    return 0


def _guard_of(tables: Sequence[Path] | None) -> GuardOf | None:
    """Guards that were fitted on tables without the patient; None where no table is given."""
    if not tables:
        return None
    from napari_osuda.benchmark.guard.decisions import HoldingOut
    from napari_osuda.benchmark.guard.rows import read_table

    if missing := next((path for path in tables if not path.is_file()), None):
        raise ConfigError(f"There is no table {missing} to fit a guard on.")
    return HoldingOut(read_table(*tables)).without


def _chosen(
    options: argparse.Namespace, data: BenchData
) -> tuple[tuple[Protocol, ...], tuple[str, ...], Comparison | None]:
    """Protocols and methods that the options name, and the comparators where they are asked for."""
    from napari_osuda.benchmark.bench import choose

    if options.comparators is None:
        from napari_osuda.benchmark.comparators.settings import COMPARATORS

        if named := next((name for name in options.only if name in COMPARATORS), None):
            raise ConfigError(f"{named} keeps source data: add --comparators small, or full.")
        return *choose(options.only, data.catalog), None
    from napari_osuda.benchmark.comparators.command import Comparison, chosen

    protocols, methods, names = chosen(options.only, data.catalog)
    return protocols, methods, Comparison(names, options.comparators, options.out, data.regions)


def _check(options: argparse.Namespace) -> None:
    """Refuse figures that nothing can be run with."""
    for option, values, least in (
        ("--epochs", [] if options.epochs is None else [options.epochs], 1),
        ("--split-seed", [options.split_seed], 0),
        ("--seeds", options.seeds, 0),
    ):
        if min(values, default=least) < least:
            raise ConfigError(f"{option} is {min(values)}; it must be {least} or more.")


def _require_same_settings(out: Path, settings: list[str]) -> None:
    """Keep trials of other settings apart: their rows would look alike."""
    from napari_osuda.method import AdaptationConfig

    AdaptationConfig.from_items(settings)
    if any(item.partition("=")[0].strip() == "seed" for item in settings):
        raise ConfigError("The bench's seeds are chosen with --seeds, not with --set seed=...")
    path = out / "settings.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    except ValueError:
        raise OutputError(
            f"{path} is damaged, so that bench cannot be continued: give another --out."
        ) from None
    if known != settings and (path.is_file() or (out / "bench.csv").is_file()):
        before, now = (" ".join(values) or "the presets' own settings" for values in (known, settings))
        raise OutputError(f"{out} holds a bench with {before}, not {now}: give another --out.")
    if settings and not path.is_file():
        _write(path, json.dumps(settings) + "\n")


def _run(steps: Iterator[Done]) -> bool:
    """Run the trials and show how far they are; whether any is done."""
    from tqdm import tqdm

    bars, any_done = sys.stderr.isatty(), False
    with tqdm(desc="Bench", unit="trial", file=sys.stderr, disable=not bars) as bar:
        for step in steps:
            any_done |= step.row["outcome"] == "done"
            bar.total = step.total
            bar.update(step.done - bar.n)
            if not bars:
                what = ", ".join(step.row[column] for column in ("protocol", "method", "patient"))
                outcome = "" if step.row["outcome"] == "done" else f": {step.row['outcome']}"
                say(f"{step.done} of {step.total}: {what}{outcome}", file=sys.stderr)
    return any_done


def _about(rows: Iterable[dict[str, str]], data: BenchData, settings: Sequence[str]) -> str:
    found = list(rows)
    patients = {row["patient"] for row in found}
    changed = f"Every method with {' '.join(settings)}. " if settings else ""
    return (
        f"{len(found)} trials on {len(patients)} target patients ({data.origin}), {_of_seeds(found)}. "
        f"{data.about()}{changed}{_ABOUT}{_of_failures(found)}"
    )


def _of_failures(rows: list[dict[str, str]], most: int = 5) -> str:
    """How many trials failed, and by what: of each patient once."""
    failed = [row for row in rows if row["outcome"] != "done"]
    if not failed:
        return ""
    reasons = {row["patient"]: row["outcome"].removeprefix("failed: ").rstrip(".") for row in failed}
    said = [f"{patient}: {reason}" for patient, reason in list(reasons.items())[:most]]
    more = f"; and {len(reasons) - most} patients more" if len(reasons) > most else ""
    return (
        f" **{len(failed)} of {len(rows)} trials failed**, and are in no mean; the same command tries them "
        f"again ({'; '.join(said)}{more})."
    )


def _of_seeds(rows: list[dict[str, str]]) -> str:
    """With how many seeds patients have been run, by protocol where those differ."""
    seeds: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        seeds.setdefault((row["protocol"], row["patient"]), set()).add(row["seed"])
    counts: dict[str, set[int]] = {}
    for (protocol, _), of_patient in seeds.items():
        counts.setdefault(protocol, set()).add(len(of_patient))
    protocols: dict[str, list[str]] = {}
    for protocol, numbers in counts.items():
        fewest, most = min(numbers), max(numbers)
        word = f"{most} seed{'s' if most > 1 else ''}" if fewest == most else f"{fewest} to {most} seeds"
        protocols.setdefault(word, []).append(protocol)
    if len(protocols) == 1:
        return next(iter(protocols))
    return "; ".join(f"{word} in {', '.join(names)}" for word, names in protocols.items())


def _write(path: Path, text: str) -> None:
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
