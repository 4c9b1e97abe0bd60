"""``--print-completion``: what makes a shell complete commands, options and file names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from napari_osuda.cli.printing import say
from napari_osuda.errors import explain

__all__ = ["PrintCompletion"]

_FILES = {"model", "cases", "reference", "prediction", "config"}
_FOLDERS = {"out", "bids_dir", "brats_root", "lgg_root", "hippocampus_root", "models"}


class PrintCompletion(argparse.Action):
    """Print the completion of a shell, and leave."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Print it; a missing shtab ends the program with the command that installs it."""
        try:
            import shtab
        except ImportError as error:
            parser.exit(1, f"{parser.prog}: {explain(error, command=True)}\n")
        _mark_paths(parser, shtab)
        say(shtab.complete(parser, shell=str(values)))
        parser.exit(0)


def _mark_paths(parser: argparse.ArgumentParser, shtab: Any) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _mark_paths(command, shtab)
        elif action.dest in _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.dest in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
