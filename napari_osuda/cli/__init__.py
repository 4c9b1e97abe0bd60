"""The command line."""

from napari_osuda.cli.commands import main

__all__ = ["main"]
