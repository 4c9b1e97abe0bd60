"""TorchScript and exported (.pt2) programs: code, so they are read only when the user trusts the file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from napari_osuda.errors import ModelError, UntrustedModelError
from napari_osuda.models.architectures.arguments import infer_arguments
from napari_osuda.models.architectures.probing import example_for, forward
from napari_osuda.models.architectures.programs import Program, follow, of_exported
from napari_osuda.models.card import ModelCard
from napari_osuda.models.files.archives import open_zip, zip_directory
from napari_osuda.models.files.packages import Package
from napari_osuda.models.forms.reading import Native, Reading, Trust

__all__ = ["read", "reading_of_program", "reading_of_shapes", "recognize", "working_program", "working_size"]

_DEFAULT_EDGE = {2: 64, 3: 32}


def recognize(package: Package) -> bool:
    """Whether it is a single file that holds a program."""
    return package.kind == "file" and _kind(package.read(package.path.name)) is not None


def read(package: Package, answers: Mapping[str, Any], trust: Trust) -> Reading:
    """Read a program; see :func:`napari_osuda.models.load_model`."""
    name = package.path.name
    content, sha256 = package.read_checked(name, None)
    return reading_of_program(content, sha256, name, package, trust)


def _kind(content: bytes) -> str | None:
    if content[:4] != b"PK\x03\x04":
        return None
    try:
        with open_zip(content, "") as archive:
            names = archive.namelist()
    except ModelError:
        return None
    if any(name.endswith("/constants.pkl") for name in names):
        return "TorchScript"
    if any(name.endswith(("/archive_format", "serialized_exported_program.json")) for name in names):
        return "exported"
    return None


def reading_of_program(content: bytes, sha256: str, name: str, package: Package, trust: Trust) -> Reading:
    """The reading of a program's bytes.

    Raises
    ------
    UntrustedModelError
        ``trust`` is False; the sentence shows path and sha256.
    ModelError
        It is damaged or holds no weights.
    """
    kind = _kind(content)
    if kind is None:
        raise ModelError(f"{name} in {package.path} is not a TorchScript or exported program.")
    if not (trust is True or (trust and sha256 in trust)):
        raise UntrustedModelError(
            f"{package.path} (sha256 {sha256}) is a {kind} program ({name}), which is code and runs on this "
            "computer. It is opened only where you trust who made it.",
            command="If you do, say so: --trust on the command line, trust=True in Python.",
            sha256=sha256,
            what=f"{kind} program",
        )
    _check(content, name)
    loaded = _load(content, kind, name)
    said, guessed = reading_of_shapes(loaded, package.path.stem, name)

    def network(card: ModelCard) -> nn.Module:
        return _plain(loaded, kind, card, name)

    native = Native(name, lambda adapted: _rewritten(content, kind, adapted))
    form = "torchscript" if kind == "TorchScript" else "pt2"
    return Reading(form, said, guessed, sha256, network, native=native)


def reading_of_shapes(loaded: nn.Module, title: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a program without a card says by its shapes, and what it leaves open."""
    state = loaded.state_dict()
    inferred = infer_arguments(
        "", "", {key: value for key, value in state.items() if isinstance(value, Tensor)}
    )
    if inferred is None:
        raise ModelError(
            f"{name} holds no weights of a convolution: it is frozen, or not a segmentation network."
        )
    said: dict[str, Any] = {"name": title, "spatial_dims": inferred["spatial_dims"]}
    guessed: dict[str, Any] = {
        "channels": tuple(f"channel {i}" for i in range(1, inferred["in_channels"] + 1)),
        "output_channels": tuple(f"class {i}" for i in range(inferred["out_channels"])),
        "activation": "sigmoid" if inferred["out_channels"] == 1 else "softmax",
        "normalisation": "zscore_nonzero",
    }
    if inferred["spatial_dims"] == 2:
        guessed["plane"] = "axial"
    guessed["orientation"] = "RAS"
    return said, guessed


def _rewritten(content: bytes, kind: str, adapted: nn.Module) -> bytes:
    """The program's file with the adapted values in the place of the old ones."""
    values = adapted.state_dict()
    stream = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if kind == "TorchScript":
            program: Any = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
            for key, tensor in program.state_dict(keep_vars=True).items():
                tensor.copy_(values[key])
            torch.jit.save(program, stream)
        else:
            exported = torch.export.load(io.BytesIO(content))
            for key, tensor in exported.state_dict.items():
                tensor.copy_(values[key])
            torch.export.save(exported, stream)
    return stream.getvalue()


def _check(content: bytes, name: str) -> None:
    with open_zip(content, name) as archive:
        zip_directory(archive, name)


def _load(content: bytes, kind: str, name: str) -> nn.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == "TorchScript":
                loaded: nn.Module = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
                # Programs for a GPU often have weights of half precision; all else here is float32.
                return loaded.float().eval()
            return torch.export.load(io.BytesIO(content)).module()
    except Exception as error:  # a damaged archive can fail in any way
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise ModelError(f"{name} is not a readable {kind} program: {reason}") from None


def _plain(loaded: nn.Module, kind: str, card: ModelCard, name: str) -> nn.Module:
    if kind == "exported":
        assert isinstance(loaded, torch.fx.GraphModule)
        return of_exported(loaded)
    return working_program(loaded, card, name)


def working_size(card: ModelCard) -> tuple[int, ...]:
    """The size at which a program is followed: that of the card, or one chosen if that is open."""
    return card.size or tuple(max(_DEFAULT_EDGE[card.spatial_dims], low) for low in card.minimum)


def working_program(loaded: nn.Module, card: ModelCard, name: str) -> Program:
    """The plain network of a program, followed at its working size."""
    size = working_size(card)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = follow(loaded, example_for(loaded, len(card.channels), size), name)
        _check_repeats(program, card, size, name)
        # In training mode it computes otherwise at every size, which is told.
        if card.size is None and not program.in_training:
            _check_other_size(loaded, program, card, size, name)
    return program


def _check_repeats(program: Program, card: ModelCard, size: tuple[int, ...], name: str) -> None:
    """A program that was saved in training mode drops other features each time, whatever it is told later."""
    first, again = (forward(program, len(card.channels), size) for _ in range(2))
    if first is not None and again is not None and not torch.allclose(first, again, equal_nan=True):
        raise ModelError(
            f"{name} gives another output each time for the same image, as dropout does that is never off. "
            "Save it again after model.eval()."
        )


def _check_other_size(
    loaded: nn.Module, program: Program, card: ModelCard, size: tuple[int, ...], name: str
) -> None:
    """A program that is followed at one size may keep that size; where sizes vary, that shows here."""
    larger = tuple(n + step for n, step in zip(size, card.step, strict=True))
    expected = forward(loaded, len(card.channels), larger)
    found = forward(program, len(card.channels), larger)
    same = (
        found is not None
        and expected is not None
        and found.shape == expected.shape
        and torch.allclose(found, expected, rtol=1e-4, atol=1e-5, equal_nan=True)
    )
    if expected is not None and not same:
        said = ",".join(str(n) for n in size)
        raise ModelError(
            f"{name} works at one size once it is followed, but its card gives none. The card must "
            f"say the size that it was trained at, such as {said}.",
            command=f"Answer with --set-card size={said}, or that size.",
        )
