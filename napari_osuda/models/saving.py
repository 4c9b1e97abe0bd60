"""Models out: a bioimage.io 0.5 package with weights, test tensors and provenance, whole or absent."""

from __future__ import annotations

import io
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from napari_osuda.errors import ModelError, OutputError, cannot_write
from napari_osuda.files import PARTIAL, path_inside
from napari_osuda.models.architectures.probing import example_for, forward, smallest_size
from napari_osuda.models.card import ModelCard
from napari_osuda.models.description.writing import model_document, readme_of
from napari_osuda.models.loading import SourceModel

__all__ = ["save_as_it_came", "save_model", "write_model_folder"]

_DESCRIPTION = "bioimageio.yaml"
# Fields of a description that stay true of a model whose weights have changed.
_CARRIED = ("authors", "cite", "maintainers", "git_repo", "tags", "links")


def save_model(
    path: Path | str, network: nn.Module, source: SourceModel, provenance: Mapping[str, Any]
) -> Path:
    """Write an adapted network as a model folder that loads wherever its source did.

    Parameters
    ----------
    path : path
        Folder to be; it must not exist or be empty.
    network : nn.Module
        Of the same class and with the same state_dict keys as ``source.network``.
    source : SourceModel
        Where it comes from: its card goes along.
    provenance : mapping
        What to keep of how it came about (settings, run id, inputs); plain values. The source's name and
        sha256 are added.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModelError
        The network is not the source's.
    OutputError
        The folder cannot be written.
    """
    ours, theirs = list(network.state_dict()), list(source.network.state_dict())
    if ours != theirs or type(network) is not type(source.network):
        raise ModelError(
            f"This {type(network).__name__} is not an adapted copy of the source model ({source.card.name})."
        )
    origin = {"source_name": source.card.name, "source_sha256": source.sha256, "source_form": source.form}
    carried = {key: source.card.raw[key] for key in _CARRIED if source.card.raw.get(key)}
    name = source.card.name.removesuffix(" (adapted)")
    card = source.card.model_copy(update={"name": f"{name} (adapted)"})
    program = _torchscript(network, source) if card.architecture is None else None
    return write_model_folder(
        path, network, card, provenance={**origin, **provenance}, fields=carried, program=program
    )


def _torchscript(network: nn.Module, source: SourceModel) -> bytes:
    """The network as TorchScript, the one kind of program that the spec has a place for."""
    if source.form in ("torchscript", "bioimageio") and source.native is not None:
        return source.native(network)
    card = source.card
    stream = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        example = example_for(network, len(card.channels), card.size or card.minimum)
        torch.jit.save(torch.jit.trace(network, example), stream)  # type: ignore[no-untyped-call]
    return stream.getvalue()


def save_as_it_came(path: Path | str, network: nn.Module, source: SourceModel) -> Path | None:
    """Write an adapted network as a folder that holds what the source's files did, in their form.

    Parameters
    ----------
    path : path
        Folder to be; it must not exist or be empty. It appears whole or not at all.
    network : nn.Module
        An adapted copy of ``source.network``.
    source : SourceModel
        A file of weights or a program: the folder holds one of the same name. A MONAI bundle, a model of
        nnU-Net or of segmentation_models_pytorch: its settings are in the folder too, so that it opens
        where the source did.

    Returns
    -------
    Path or None
        The folder; None for a bioimage.io package, whose form is that of :func:`save_model`.

    Raises
    ------
    ModelError
        The form cannot hold the adapted values.
    OutputError
        The folder cannot be written.
    """
    if source.native is None or source.form == "bioimageio":
        return None
    files = {**source.native.beside, source.native.name: source.native(network)}
    _write_folder(Path(path), files)
    return Path(path)


def write_model_folder(
    path: Path | str,
    network: nn.Module,
    card: ModelCard,
    *,
    provenance: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    documentation: str | None = None,
    program: bytes | None = None,
) -> Path:
    """Write a network and its card as a bioimage.io model folder.

    Parameters
    ----------
    path : path
        Folder to be; it must not exist or be empty. It appears whole or not at all.
    network : nn.Module
        Of the class that ``card.architecture`` names.
    card : ModelCard
    provenance : mapping, optional
        Plain values, kept under ``config.osuda.provenance``.
    fields : mapping, optional
        Further fields of the description: ``authors`` ([{name: ...}]), ``cite`` ([{text: ..., doi: ...}]),
        ``description``, ``tags``, ``timestamp`` (ISO 8601; now, if not given).
    documentation : str, optional
        Text of README.md; a short one is written otherwise.
    program : bytes, optional
        A TorchScript file of the network, for a card without an architecture.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModelError
        The card has no architecture, or does not fit the network.
    OutputError
        The folder is not empty or cannot be written.
    """
    path = Path(path)
    if card.architecture is None and program is None:
        raise ModelError(f"{card.name} has no architecture on its card, so its weights alone are of no use.")
    image, output = _test_tensors(network, card)
    state = io.BytesIO()
    torch.save(
        {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}, state
    )
    files = {
        "weights.pt": state.getvalue() if program is None else program,
        "test_input.npy": _npy(image),
        "test_output.npy": _npy(output),
        "README.md": (documentation or readme_of(card, provenance)).encode(),
    }
    document = model_document(card, files, provenance, dict(fields or {}))
    files[_DESCRIPTION] = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110).encode()
    _write_folder(path, files)
    return path


def _write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    partial: Path | None = None
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise OutputError(
                f"{path} is there already and not an empty folder; choose another place for the model."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=path.parent))
        partial.chmod(0o755)
        for name, content in files.items():
            # Names of a stranger's package.
            file = path_inside(partial, *name.split("/"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        if path.is_dir():
            path.rmdir()
        partial.rename(path)
    except OSError as error:
        raise cannot_write(f"The model {path}", error) from None
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def _test_tensors(network: nn.Module, card: ModelCard) -> tuple[np.ndarray, np.ndarray]:
    """A random image of the smallest size and what the network makes of it, for other tools' self-tests."""
    channels = len(card.channels)
    size = tuple(
        low if low % step == 0 else step * -(-low // step)
        for low, step in zip(card.minimum, card.step, strict=True)
    )
    output = forward(network, channels, size)
    if output is None:
        found = smallest_size(network, channels, card.spatial_dims)
        raise ModelError(
            f"The network fails on its minimum size {card.minimum}; the smallest that works is {found}."
        )
    image = example_for(network, channels, size)
    return image.detach().cpu().float().numpy(), output.detach().cpu().float().numpy()


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
