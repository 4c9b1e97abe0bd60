"""What a person has said of a model's file, kept for the next time by the file's SHA-256."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from napari_osuda.errors import OutputError
from napari_osuda.files import written_whole
from napari_osuda.locks import locked

__all__ = ["SavedAnswers", "settings_folder"]

_FOLDER_VARIABLE = "OSUDA_CONFIG"
_VERSION = 1
# Seconds for another program to write what it has to.
_WAIT = 20.0


def settings_folder() -> Path:
    """Where this user's settings of the program are: ``$OSUDA_CONFIG``, else what the system has for it."""
    chosen = os.environ.get(_FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    return user_config_path("napari-osuda", appauthor=False, roaming=True)


class SavedAnswers:
    """Answers to what models leave open, and which programs are trusted, in ``models.json``.

    A file that has changed by a single bit has another SHA-256, and nothing is known of it. A memory that is
    missing or damaged is an empty one.

    Parameters
    ----------
    folder : Path, optional
        `settings_folder` without it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (settings_folder() if folder is None else folder) / "models.json"

    def answers(self, sha256: str) -> dict[str, Any]:
        """What has been answered of the file, as ``overrides`` of :func:`napari_osuda.models.load_model`."""
        known = self._entry(sha256).get("answers")
        return dict(known) if isinstance(known, dict) else {}

    def trusts(self, sha256: str) -> bool:
        """Whether a person has said that the code in exactly this file may run."""
        return self._entry(sha256).get("trusted") is True

    def trusted(self) -> frozenset[str]:
        """The files that `trusts` is true of, as ``trust`` of :func:`napari_osuda.models.load_model`."""
        return frozenset(sha256 for sha256 in self._models() if self.trusts(sha256))

    def keep_answers(self, sha256: str, answers: Mapping[str, Any], path: Path | str) -> None:
        """Keep answers in place of earlier ones.

        Raises
        ------
        OutputError
            The settings cannot be written.
        """
        self._change(sha256, path, answers=dict(answers))

    def keep_trust(self, sha256: str, path: Path | str) -> None:
        """Keep that the code in the file may run; raises as `keep_answers`."""
        self._change(sha256, path, trusted=True)

    def forget(self, sha256: str) -> None:
        """Keep nothing of the file any longer; raises as `keep_answers`."""
        with self._alone():
            models = self._read()
            if models.pop(sha256, None) is not None:
                self._write(models)

    def _entry(self, sha256: str) -> dict[str, Any]:
        entry = self._models().get(sha256)
        return entry if isinstance(entry, dict) else {}

    def _models(self) -> dict[str, Any]:
        try:
            return self._read()
        except OSError:
            return {}

    def _read(self) -> dict[str, Any]:
        """Raises OSError where what is there cannot be read: who writes must not take it for nothing."""
        if not self.path.is_file():
            return {}
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            return {}
        models = document.get("models") if isinstance(document, dict) else None
        return models if isinstance(models, dict) else {}

    def _change(self, sha256: str, path: Path | str, **said: Any) -> None:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        with self._alone():
            models = self._read()
            entry = models.get(sha256)
            entry = entry if isinstance(entry, dict) else {}
            models[sha256] = {**entry, **said, "path": str(path), "when": when}
            self._write(models)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder: what another program keeps meanwhile must not be lost."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path.parent, wait=_WAIT))
            except OutputError as error:
                raise self._not_saved(str(error)) from None
            try:
                yield
            except OSError as error:
                raise self._not_saved(f"{error.strerror or error}.") from None

    def _not_saved(self, why: str) -> OutputError:
        return OutputError(f"Your answers about the model cannot be saved in {self.path}: {why}")

    def _write(self, models: Mapping[str, Any]) -> None:
        text = json.dumps({"version": _VERSION, "models": models}, indent=1, default=str)
        with written_whole(self.path) as partial:
            partial.write_text(text, encoding="utf-8")
