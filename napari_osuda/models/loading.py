"""Off-the-shelf models in: whatever the form, a network and its card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from napari_osuda.errors import ModelError, OsudaError, OutputError, printable
from napari_osuda.extras import library_problem
from napari_osuda.models import questions
from napari_osuda.models.answers import SavedAnswers
from napari_osuda.models.architectures.probing import check_channels, smallest_size
from napari_osuda.models.architectures.programs import Program
from napari_osuda.models.architectures.values import check_values, without_statistics
from napari_osuda.models.card import ModelCard
from napari_osuda.models.corrections import correction_notes
from napari_osuda.models.files.packages import Package
from napari_osuda.models.forms import (
    bioimageio,
    monai_bundle,
    nnunet,
    onnx_program,
    smp,
    state_dict,
    torchscript,
)
from napari_osuda.models.forms.reading import Native, Reading, Trust
from napari_osuda.models.questions import Question

__all__ = ["SourceModel", "load_model", "open_questions"]

# In the order in which they are tried.
# What the class that is nothing may be called.
_NOTHING = re.compile(
    r"back|bg|none|nothing|healthy|normal|unlabel|outside|other|rest|air|class 0|^0$|empty|void"
)
_FORMS: tuple[ModuleType, ...] = (
    bioimageio,
    monai_bundle,
    nnunet,
    smp,
    onnx_program,
    torchscript,
    state_dict,
)


@dataclass(frozen=True)
class SourceModel:
    """A source model, ready to segment and to be adapted.

    Attributes
    ----------
    network : nn.Module
        float32, on the CPU, in eval mode. Not to be changed: adaptation works on a copy.
    card : ModelCard
    path : Path
        Where it was read from.
    sha256 : str
        Of the file with the weights.
    form : str
        In which form it came.
    notes : tuple of str
        What the user should know of the choices made in reading it.
    native : Native or None
        How to write adapted weights in the form that these came in.
    hint : str
        What to do where the network is not adaptable.
    """

    network: nn.Module
    card: ModelCard
    path: Path
    sha256: str
    form: str = "bioimageio"
    notes: tuple[str, ...] = field(default=())
    native: Native | None = field(default=None, repr=False)
    hint: str = ""


def load_model(
    path: Path | str,
    *,
    trust: Trust = False,
    overrides: Mapping[str, Any] | None = None,
    memory: SavedAnswers | None = None,
) -> SourceModel:
    """Load a source model, in whichever form of :mod:`napari_osuda.models.forms` it is.

    A bioimage.io package (0.5, 0.4), a MONAI bundle, a trained model of nnU-Net v2 or a ``save_pretrained``
    folder of segmentation_models_pytorch, each as a folder or a .zip; a file of weights (.pt, .pth, .ckpt,
    .safetensors) of a class in the closed list; an ONNX graph that keeps its BatchNormalization; a
    TorchScript or exported (.pt2) program, if trusted.

    Parameters
    ----------
    path : path
        Folder or file.
    trust : bool, or collection of str
        Whether code in the file may run, or only that of files with these SHA-256; a form that is nothing
        but data never needs it.
    overrides : mapping, optional
        Card fields by key, as values or as the texts of ``--set-card KEY=VALUE``: answers to what the
        files leave open, and corrections of what they say. ``{"defaults": True}`` accepts all defaults.
    memory : SavedAnswers, optional
        Where earlier answers of this very file are; ``overrides`` go before them, and are kept there once
        the model is loaded. It is not asked whether the file is trusted.

    Returns
    -------
    SourceModel

    Raises
    ------
    ModelError
        It is none of the forms, its description is wrong (the key is named), it leaves something open
        that ``overrides`` do not answer, or its weights do not fit its architecture.
    UntrustedModelError
        It holds code that ``trust`` does not include.
    """
    reading, answers, recalled = _recalling(path, overrides, trust, memory)
    card = questions.answered_card(reading.said, reading.guessed, answers, str(path), reading.notes)
    corrected = correction_notes(reading.said, answers, str(path))
    with _read_whole(path):
        network = reading.network(card)
    check_values(network, str(path))
    card = _with_sizes(card, {**reading.said, **answers}, network)
    notes = (*reading.notes, *check_channels(network, card), *_batch_note(network), *_training_note(network))
    notes = (*notes, *_background_note(card), *corrected, *recalled)
    if memory is not None and overrides:
        try:
            memory.keep_answers(reading.sha256, {**memory.answers(reading.sha256), **overrides}, path)
        except OutputError as error:
            notes = (*notes, str(error))
    notes = tuple(printable(note) for note in notes)
    return SourceModel(
        network, card, Path(path), reading.sha256, reading.form, notes, reading.native, reading.hint
    )


def _batch_note(network: nn.Module) -> tuple[str, ...]:
    names = without_statistics(network)
    if not names:
        return ()
    return (
        f"{len(names)} BatchNorm layers of this network keep no statistics (first {names[0]}). The mask of a "
        "slice depends on the slices that go through the network with it.",
    )


def _training_note(network: nn.Module) -> tuple[str, ...]:
    count = network.in_training if isinstance(network, Program) else 0
    if not count:
        return ()
    return (
        f"This program was saved in training mode: by itself, {count} of its BatchNorm layers use the "
        "statistics of each image. Here they use those of the training data, as after model.eval().",
    )


def _background_note(card: ModelCard) -> tuple[str, ...]:
    first = card.labels.get(0, "background")
    telling = not _NOTHING.search(first.lower())
    if card.activation != "softmax" or card.channel_values[0] != 0 or not telling:
        return ()
    return (
        f"The first class of this network is called '{first}', and masks show it as background (value 0). If "
        "it has no class for the background, say so in its labels.",
    )


def open_questions(
    path: Path | str,
    *,
    trust: Trust = False,
    overrides: Mapping[str, Any] | None = None,
    memory: SavedAnswers | None = None,
) -> list[Question]:
    """What the model's files, ``overrides`` and ``memory`` do not say; raises as :func:`load_model`."""
    reading, answers, _ = _recalling(path, overrides, trust, memory)
    return questions.questions_of(reading.guessed, answers)


def _recalling(
    path: Path | str, overrides: Mapping[str, Any] | None, trust: Trust, memory: SavedAnswers | None
) -> tuple[Reading, dict[str, Any], tuple[str, ...]]:
    """The model read, all answers, and a note where earlier ones are among them."""
    answers = questions.parse(overrides)
    with Package(path) as package:
        reading = _read(package, answers, trust)
        earlier = {} if memory is None else memory.answers(reading.sha256)
        earlier = {key: value for key, value in earlier.items() if key not in answers}
        try:
            recalled = questions.parse(earlier)
        except ModelError:
            # Of another version of this program, or changed by hand.
            recalled = {}
        if not recalled:
            return reading, answers, ()
        answers = {**recalled, **answers}
        if {"architecture", "kwargs"} & set(recalled):
            reading = _read(package, answers, trust)
    listed = ", ".join(f"{key}={earlier[key]}" for key in recalled)
    return reading, answers, (f"Answered before for this file: {listed}.",)


def _read(package: Package, answers: Mapping[str, Any], trust: Trust) -> Reading:
    for form in _FORMS:
        if form.recognize(package):
            with _read_whole(package.path):
                reading: Reading = form.read(package, answers, trust)
            return reading
    held = ", ".join(package.names()[:8]) or "nothing"
    raise ModelError(
        f"{package.path} is not a model: it holds no bioimageio.yaml, no configs/metadata.json (MONAI "
        f"bundle) and no config.json with weights, and is not a file of weights. It holds: {held}."
    )


@contextmanager
def _read_whole(path: Path | str) -> Iterator[None]:
    """The last net under readers that should have said it better; the fuzzers count what falls into it."""
    try:
        yield
    except (OsudaError, ImportError, MemoryError):
        raise
    except Exception as error:
        problem = library_problem(error)
        if problem is not None:
            raise ModelError(f"{path} cannot be read: {problem}") from error
        raise ModelError(
            f"{path} cannot be read: something in its files is not as it should be ({type(error).__name__}). "
            "Ask who made it for another copy."
        ) from error


def _with_sizes(card: ModelCard, said: Mapping[str, Any], network: nn.Module) -> ModelCard:
    """The card, with the sizes that the network takes found by trying where its files do not say them."""
    if "minimum" in said or "step" in said:
        return card
    size = smallest_size(network, len(card.channels), card.spatial_dims)
    return card if size is None else card.model_copy(update={"minimum": size, "step": size})
