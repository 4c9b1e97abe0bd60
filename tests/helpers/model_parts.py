"""What tests of several forms of models do."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from napari_osuda.models import SourceModel


def written_as_it_came(path: Path, network: nn.Module, source: SourceModel) -> Path:
    """A network's weights as a file of the form that the source's came in."""
    assert source.native is not None
    path.write_bytes(source.native(network))
    return path
