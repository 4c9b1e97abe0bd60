"""What a form of model leaves open, put as questions with defaults; and the card once they are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from napari_osuda.errors import ModelError
from napari_osuda.method.settings import Declared, Group, Setting
from napari_osuda.models.card import (
    Activation,
    Architecture,
    ModelCard,
    Normalization,
    Plane,
)
from napari_osuda.models.overrides import parse_overrides

__all__ = ["ACCEPT_DEFAULTS", "Question", "answered_card", "questions_of"]

# The answer that accepts every default: ``--set-card defaults=yes``.
ACCEPT_DEFAULTS = "defaults"


@dataclass(frozen=True)
class Question:
    """One thing that the model's files do not say.

    Attributes
    ----------
    key : str
        The card's field, as ``--set-card KEY=VALUE`` has it.
    text : str
        The question.
    default : object
        What is likely; None where nothing is.
    choices : tuple of str
        The allowed answers, or () for a free one.
    """

    key: str
    text: str
    default: Any
    choices: tuple[str, ...] = ()

    @property
    def declared(self) -> Declared:
        """The card's field as a setting is declared: its type, its words and what is likely."""
        kind = Literal[self.choices] if self.choices else str
        return Declared(kind, Setting(self.text, Group.MODEL, self.text), self.default)


_TEXTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "architecture": ("Which network class do the weights belong to?", ()),
    "kwargs": ("With which arguments is the class called?", ()),
    "channels": ("Which MRI contrasts does the network take, in order?", ()),
    "output_channels": ("What are the network's output channels called, in order?", ()),
    "labels": ("Which value in the mask has which name?", ()),
    "regions": ("Which values make up each region?", ()),
    "plane": ("In which plane were the slices cut that the network was trained on?", get_args(Plane)[:3]),
    "orientation": (
        "Towards which side of the patient ran the axes of the volumes in training, first axis first? (RAS "
        "as MONAI and nibabel give them, SPL for axes z, y, x)",
        (),
    ),
    "normalisation": ("How were the intensities normalized in training?", get_args(Normalization)),
    "activation": ("What turns the network's output into probabilities?", get_args(Activation)),
    "size": ("To what size is a slice (or a patch) brought?", ()),
    "field_of_view_mm": ("Which extent in mm does that size cover?", ()),
    "spacing_mm": ("To which voxel size in mm is a volume resampled?", ()),
}


def questions_of(guessed: Mapping[str, Any], answers: Mapping[str, Any]) -> list[Question]:
    """The questions still open after ``answers``; those without a default are open until answered."""
    defaults = bool(answers.get(ACCEPT_DEFAULTS))
    return [
        Question(key, *_with_default(key, default))
        for key, default in guessed.items()
        if key not in answers
        and not (defaults and default is not None)
        and not (key == "output_channels" and "labels" in answers)
    ]


def _with_default(key: str, default: Any) -> tuple[str, Any, tuple[str, ...]]:
    text, choices = _TEXTS[key]
    return text, default, choices


def answered_card(
    said: Mapping[str, Any],
    guessed: Mapping[str, Any],
    overrides: Mapping[str, Any],
    where: str,
    notes: Sequence[str] = (),
) -> ModelCard:
    """The card from what the files say, what they leave open and the answers.

    Parameters
    ----------
    said, guessed : mapping
        Fields stated, and defaults of those left open.
    overrides : mapping
        Answers; they also correct what is stated. ``{"defaults": True}`` accepts all defaults.
    where : str
        How messages call the model.
    notes : sequence of str
        What is known beside the answers: it stands with the questions.

    Raises
    ------
    ModelError
        A question is unanswered (all are listed; ``command`` says how to answer them) or an answer is not
        allowed.
    """
    answers = dict(overrides)
    left = questions_of(guessed, answers)
    if left:
        raise ModelError(
            f"{where} does not say: {'; '.join(_line(question) for question in left)}."
            + "".join(f" {note}" for note in notes),
            command="Answer with --set-card KEY=VALUE for each, or --set-card defaults=yes for all the "
            "defaults.",
        )
    answers.pop(ACCEPT_DEFAULTS, None)
    fields = {**guessed, **said, **answers}
    kwargs = fields.pop("kwargs", None)
    fields["architecture"] = _architecture(
        said.get("architecture") or guessed.get("architecture"), answers.get("architecture"), kwargs
    )
    if "labels" in answers and "output_channels" not in answers and "output_channels" not in said:
        # New labels also name the channels, where the model had no names for them.
        fields.pop("output_channels", None)
        fields["output_channels"] = _channel_names(guessed["output_channels"], answers["labels"])
    return ModelCard.of("config.osuda", **fields)


def _channel_names(before: tuple[str, ...], labels: Any) -> tuple[str, ...]:
    if isinstance(labels, Mapping):
        names = [str(name) for value, name in labels.items()]
        shown = [str(name) for value, name in labels.items() if str(value) != "0"]
        for candidate in (names, shown):
            if len(candidate) == len(before):
                return tuple(candidate)
    return before


def _line(question: Question) -> str:
    default = question.default
    if isinstance(default, tuple):
        default = ",".join(str(item) for item in default)
    choices = f": {', '.join(question.choices)}" if question.choices else ""
    return (
        f"{question.key} (default {default}{choices})" if default is not None else f"{question.key}{choices}"
    )


def _architecture(known: Architecture | None, answer: Any, kwargs: Any) -> Architecture | None:
    """The class that the user names or else the known one, with the user's arguments over the known ones."""
    architecture = known
    if isinstance(answer, Architecture):
        architecture = answer
    elif answer is not None and str(answer).strip() != str(known):
        module, _, name = str(answer).strip().rpartition(".")
        architecture = Architecture(import_from=module, callable=name)
    if architecture is not None and isinstance(kwargs, Mapping):
        changes = {str(key): value for key, value in kwargs.items()}
        architecture = architecture.model_copy(update={"kwargs": {**architecture.kwargs, **changes}})
    return architecture


def parse(overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """Overrides as given by a caller, checked to be keys of the card."""
    given = dict(overrides or {})
    known = (set(ModelCard.model_fields) - {"raw"}) | {"kwargs", ACCEPT_DEFAULTS}
    for key in given:
        if key not in known:
            raise ModelError(f"The card has no key '{key}'; the keys are {', '.join(sorted(known))}.")
    return parse_overrides(given)
