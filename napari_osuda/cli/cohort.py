"""``napari-osuda cohort``: a BIDS App, to be run by hand or by a scheduler."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_osuda.cli.adapt import settings_of
from napari_osuda.cli.options import add_device, add_method_options, add_model_options, model_of_options
from napari_osuda.cli.printing import say
from napari_osuda.cli.terminal import DONE, FAILED, WRONG_USAGE

__all__ = ["add_options", "cohort"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("bids_dir", type=Path, metavar="BIDS_DIR", help="top folder of a BIDS dataset")
    parser.add_argument("out", type=Path, metavar="OUT", help="where the derivatives go")
    parser.add_argument(
        "level", choices=("participant", "group"), metavar="{participant,group}",
        help="participant: adapt to each patient; group: the table and the report over all",
    )  # fmt: skip
    parser.add_argument("--model", type=Path, metavar="MODEL", help="not needed by group")
    parser.add_argument(
        "--participant-label", nargs="+", action="extend", default=[], metavar="LABEL", dest="labels",
        help="these patients only, with or without sub-",
    )  # fmt: skip
    parser.add_argument(
        "--num-parts", type=int, default=1, metavar="N", help="divide the patients into N parts"
    )
    parser.add_argument(
        "--part-id", type=int, default=0, metavar="I", help="do part I of N, counted from 0 or from 1"
    )
    parser.add_argument(
        "--together", metavar="COLUMN",
        help="adapt to patients together that have the same value in this column of participants.tsv (site)",
    )  # fmt: skip
    parser.add_argument(
        "--keep-models", action="store_true", help="keep each adapted model in its run folder"
    )
    add_method_options(parser)
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="print only what failed")
    add_model_options(parser)


def cohort(options: argparse.Namespace) -> int:
    """Do the patients that are not done yet, or tell of all; 0, or 1 where one failed."""
    from napari_osuda.session.cohort.plan import plan

    if options.level == "participant" and options.model is None:
        say("napari-osuda cohort: the option --model is required", file=sys.stderr)
        return WRONG_USAGE
    together = options.together
    if options.level == "group" and together is None:
        from napari_osuda.session.cohort.record import read_cohort

        together = read_cohort(options.out).together
    jobs = plan(
        options.bids_dir, options.labels, parts=options.num_parts, part=options.part_id, together=together
    )
    return _group(options, jobs) if options.level == "group" else _participants(options, jobs)


def _participants(options: argparse.Namespace, jobs: Any) -> int:
    from napari_osuda.session import resolve_device
    from napari_osuda.session.cohort.adapting import Adapting
    from napari_osuda.session.cohort.group import outcome_in_words
    from napari_osuda.session.cohort.record import Outcomes
    from napari_osuda.session.cohort.running import run_jobs

    config, device = settings_of(options), options.device or "auto"
    resolve_device(device)
    work = Adapting(
        options.bids_dir, options.out, model_of_options(options), config, method=options.method or "osuda",
        device=device, together=options.together, keep_models=options.keep_models,
    )  # fmt: skip
    work.prepare()
    counts = {"done": 0, "skipped": 0, "failed": 0, "busy": 0}
    failed: list[str] = []
    with _ended_by_the_scheduler():
        for status in run_jobs(jobs, work, Outcomes(options.out)):
            counts[status.state] += 1
            name = status.job.name
            if status.state == "failed":
                failed.append(name)
            if status.state == "busy":
                say(f"{name}: another program is working on it; it was skipped.", file=sys.stderr)
            elif status.state == "failed" or not options.quiet:
                assert status.outcome is not None
                again = " (done before)" if status.state == "skipped" else ""
                where = sys.stderr if status.state == "failed" else sys.stdout
                say(f"{name}: {outcome_in_words(status.outcome)}{again}", file=where)
    if not options.quiet or failed:
        say(_summary(counts, failed), file=sys.stderr)
    return FAILED if failed or counts["busy"] else DONE


def _summary(counts: dict[str, int], failed: list[str]) -> str:
    parts = [f"{counts['done']} of {sum(counts.values())} sessions adapted"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} done before")
    if counts["busy"]:
        parts.append(f"{counts['busy']} in work elsewhere")
    if failed:
        shown = ", ".join(failed[:10]) + (", ..." if len(failed) > 10 else "")
        parts.append(f"{len(failed)} failed ({shown}); the same command tries them again")
    return "; ".join(parts) + "."


def _group(options: argparse.Namespace, jobs: Any) -> int:
    from napari_osuda.session.cohort.group import summarize_cohort
    from napari_osuda.session.cohort.record import Outcomes
    from napari_osuda.session.report.words import HEADLINES

    title = f"Cohort {options.bids_dir.resolve().name}"
    summary = summarize_cohort(jobs, Outcomes(options.out), title)
    if not options.quiet:
        total = summary.states.total()
        say(
            f"{summary.states['done']} of {total} sessions are segmented, {summary.states['failed']} failed, "
            f"{summary.states['open']} are not begun."
        )
        for decision, count in summary.decisions.most_common():
            say(f"{count}: {HEADLINES[decision]}")
        say(f"Table: {summary.table}\nReport: {summary.report}")
    return DONE


@contextmanager
def _ended_by_the_scheduler() -> Iterator[None]:
    """Take SIGTERM (a time limit, a preemption) as Ctrl-C: the run under way saves its state."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
