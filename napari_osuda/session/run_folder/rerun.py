"""Model and cases of a recorded run, read again from their files."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from napari_osuda.errors import CaseError, ConfigError, ModelError
from napari_osuda.files import RUN_FILE, sha256_of
from napari_osuda.imaging import Case, Preparation, read_case
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import ModelCard, SourceModel, load_model
from napari_osuda.session.run_folder.record import CaseRecord, RunRecord, read_record

__all__ = ["Rerun", "reread_case", "reread_model"]


def reread_model(
    path: Path | str, card: ModelCard | None, *, trust: bool | Collection[str] = False
) -> SourceModel:
    """A model with the card that it had: the answers of a person to what its files leave open are in it."""
    overrides: dict[str, object] = {"defaults": True}
    if card is not None and card.architecture is not None:
        overrides |= {"architecture": card.architecture, "kwargs": card.architecture.kwargs}
    model = load_model(path, trust=trust, overrides=overrides)
    return model if card is None else dataclasses.replace(model, card=card)


def reread_case(
    name: str,
    files: Mapping[str, str | Path],
    titles: Mapping[str, str],
    channels: Sequence[str],
    preparation: Preparation | None = None,
) -> Case:
    """A case from the file of each channel, its images called as then: that tells their contrasts."""
    paths = set(map(str, files.values()))
    # A file of four axes holds all channels.
    together = len(files) > 1 and len(paths) == 1
    case = read_case(paths.pop() if together else files, channels, name=name, preparation=preparation)
    sources = tuple(dataclasses.replace(s, title=titles.get(s.channel, "")) for s in case.sources)
    return dataclasses.replace(case, sources=sources)


@dataclass(frozen=True)
class Rerun:
    """What ``run.json`` says of a run, for doing the same once more.

    Attributes
    ----------
    record : RunRecord
    """

    record: RunRecord

    @classmethod
    def of(cls, path: Path | str) -> Rerun:
        """Of a run folder, or of the ``run.json`` in one.

        Raises
        ------
        CaseError
            It is neither, or damaged.
        """
        path = Path(path)
        if not path.is_dir() and path.name != RUN_FILE:
            raise CaseError(f"{path} is not the record of a run: give a run folder, or the {RUN_FILE} in it.")
        return cls(read_record(path if path.is_dir() else path.parent))

    @property
    def config(self) -> AdaptationConfig:
        """The settings; raises ConfigError where one is unusable."""
        try:
            return AdaptationConfig().replace(**self.record.config)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"The settings of that run are damaged ({error}).") from None

    def model(self, *, trust: bool | Collection[str] = False) -> SourceModel:
        """The source model of the run.

        Raises
        ------
        ModelError
            It is no longer there, or is another now.
        """
        known = self.record.model
        if known.path is None:
            raise ModelError("That run does not say where its model was.", command="Give it with --model.")
        try:
            card = ModelCard.model_validate(known.card.model_dump())
        except ValidationError:
            raise ModelError(
                "The model card in the record of that run is damaged.", command="Give it with --model."
            ) from None
        model = reread_model(known.path, card, trust=trust)
        if known.sha256 not in (None, model.sha256):
            raise ModelError(
                f"{known.path} is not the model of that run: the file has changed since.",
                command="Give it with --model if you mean this one.",
            )
        return model

    def cases(self, channels: Sequence[str]) -> tuple[Case, ...]:
        """The cases of the run.

        Raises
        ------
        CaseError
            An image is no longer there, is another now, or was a layer of a viewer.
        """
        return tuple(_case(entry, channels) for entry in self.record.cases)


def _case(entry: CaseRecord, channels: Sequence[str]) -> Case:
    files = {image.channel: image.path for image in entry.inputs if image.path is not None}
    if len(files) < len(entry.inputs):
        raise CaseError(
            f"The images of '{entry.name}' were layers of a viewer, not files.",
            command="Give them with --case.",
        )
    titles = {image.channel: image.title for image in entry.inputs if image.title}
    case = reread_case(entry.name, files, titles, channels, _preparation(entry))
    then = {image.channel: image.sha256 for image in entry.inputs}
    for source in case.sources:
        if then[source.channel] not in (None, source.sha256):
            raise CaseError(
                f"{source.path} is not the image of that run: the file has changed since.",
                command="Give it with --case if you mean this one.",
            )
    return case


def _preparation(entry: CaseRecord) -> Preparation:
    """What was done to the images of a recorded case; a brain mask must be the file that it was."""
    preparation = entry.preparation
    if preparation is None:
        return Preparation()
    mask = None if preparation.brain_mask is None else Path(preparation.brain_mask)
    if mask is None and preparation.brain_share is not None and not preparation.extract_brain:
        raise CaseError(
            f"The brain mask of '{entry.name}' was a layer of a viewer, not a file.",
            command="Give it as a file with --brain-mask.",
        )
    if mask is not None and not mask.is_file():
        raise CaseError(
            f"The brain mask of '{entry.name}' is not at {mask}.", command="Give it with --brain-mask."
        )
    if mask is not None and preparation.brain_mask_sha256 not in (None, sha256_of(mask)):
        raise CaseError(f"{mask} is not the brain mask of that run: the file has changed since.")
    return Preparation(
        preparation.reference_grid, preparation.bias_field, mask, extract_brain=preparation.extract_brain
    )
