"""The command line: the same session as the widgets', with files in and files out."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_osuda.cli import adapt, bench, cohort, evaluate, predict
from napari_osuda.cli.completion import PrintCompletion
from napari_osuda.cli.logs import LOGGER, logging_to_terminal
from napari_osuda.cli.options import add_model_options, model_of_options
from napari_osuda.cli.printing import say
from napari_osuda.cli.terminal import DONE, FAILED, INTERRUPTED
from napari_osuda.errors import ConfigError, explain
from napari_osuda.version import __version__

__all__ = ["main"]

# Set, it shows where in the program a failure came from.
_DEBUG = "OSUDA_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that knows ASCII alone shows what it cannot write as escapes.
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(argv)
    with logging_to_terminal(getattr(options, "verbose", False)):
        try:
            _require_alone(options)
            return int(options.command(options))
        except KeyboardInterrupt:
            say("napari-osuda: stopped.", file=sys.stderr)
            return INTERRUPTED
        except Exception as error:
            if os.environ.get(_DEBUG):
                raise
            LOGGER.debug("The command failed:", exc_info=True)
            say(f"napari-osuda: {explain(error, command=True)}", file=sys.stderr)
            return FAILED


def _require_alone(options: argparse.Namespace) -> None:
    """Refuse several processes to a command that each of them would do as a whole."""
    # Set by torchrun; without it, torch need not be loaded to know.
    if "TORCHELASTIC_RUN_ID" not in os.environ or options.command is adapt.adapt:
        return
    from napari_osuda.method.computing.distributed import launched_count

    if launched_count() > 1:
        raise ConfigError(
            "Only adapt can be shared out by torchrun. Leave torchrun away. To adapt to many patients at "
            "once, begin napari-osuda cohort several times, with --num-parts and --part-id."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="napari-osuda",
        description="Adapt a segmentation network to a new hospital's MRI, without source data and labels.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--print-completion", choices=("bash", "zsh", "tcsh"), action=PrintCompletion, metavar="SHELL",
        help="print the completion script for bash, zsh or tcsh, and exit",
    )  # fmt: skip
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
    add_model_options(inspect)

    for module, run, text in (
        (predict, predict.predict, "Segment cases with a model as it is."),
        (adapt, adapt.adapt, "Adapt a model to the cases of a target domain."),
        (evaluate, evaluate.evaluate, "Score masks against references."),
        (cohort, cohort.cohort, "Adapt to every patient of a BIDS dataset, and summarize the results."),
        (bench, bench.bench, "The paper's tables: every method on simulated or BraTS patients."),
    ):
        module.add_options(command(run.__name__, run, text))
    return parser


def _inspect(options: argparse.Namespace) -> int:
    from napari_osuda.models import inspect_model

    # Some networks of MONAI print what they are made of; standard output is for the answer alone.
    with contextlib.redirect_stdout(sys.stderr):
        found = inspect_model(model_of_options(options))
    if options.json:
        say(json.dumps(found.to_dict(), indent=1))
    else:
        say("\n".join(found.lines()))
    return DONE


def _demo(options: argparse.Namespace) -> int:
    from napari_osuda.cli.demo import run_demo

    return run_demo(out=options.out, gui=not options.no_gui)
