"""The contrasts that stand in for the model's in a batch: said before it begins, and turned off by a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from napari_osuda.errors import OsudaError
from napari_osuda.imaging import expected_map
from napari_osuda.widgets.adapt.batch.words import stand_in_words
from napari_osuda.widgets.qt.words import NoteLabel

if TYPE_CHECKING:
    from napari_osuda.models import SourceModel

__all__ = ["StandInNote"]


class StandInNote(NoteLabel):
    """A sentence for each contrast that is not the model's.

    Parameters
    ----------
    chosen : callable
        As for `BatchPanel`.

    Attributes
    ----------
    color : str
        Of the link.
    """

    def __init__(self, chosen: Callable[[], tuple[SourceModel | None, Any, str, str]]) -> None:
        super().__init__()
        self._chosen = chosen
        self._channel = self.color = ""
        self._found: Mapping[str, Sequence[str]] = {}

    def channels(self) -> tuple[str, ...]:
        """Those of the model that is chosen; none where there is none, or a setting cannot be."""
        model = self._choice()[0]
        return () if model is None else tuple(model.card.channels)

    def set_found(
        self, channels: Sequence[str] = (), found: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """The model's channels, and each other contrast with the patients who have it."""
        self._channel, self._found = "".join(channels[:1]), found or {}

    def refresh(self, contrast: str | None = None) -> None:
        """Follow the setting of that name; that of a batch that has begun is given, and stays."""
        said, any_converted, setting = [], False, contrast or self._choice()[1]
        for other, patients in self._found.items():
            named = expected_map(self._channel, other) != "identity"
            converted = named if setting in ("fitted", "names") else setting != "off"
            any_converted |= converted
            said.append(stand_in_words(other, self._channel, patients, converted=converted))
        link = f" <a href='off' style='color: {self.color}'>Turn off</a>"
        self.tell(" ".join(said), link if any_converted and contrast is None else "")

    def _choice(self) -> tuple[SourceModel | None, str]:
        try:
            model, config, *_ = self._chosen()
        except OsudaError:
            return None, ""
        return model, config.contrast
