"""All settings of one adaptation: checked, read from texts, and renamed from those of earlier releases."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from napari_osuda.errors import ConfigError
from napari_osuda.method.settings import (
    MethodSettings,
    RivalSettings,
    RunSettings,
    declared_settings,
    described,
)
from napari_osuda.method.values import check_setting, read_value

__all__ = ["AdaptationConfig"]


@described
@dataclass(frozen=True)
class AdaptationConfig(RunSettings, RivalSettings, MethodSettings):
    """All settings of an adaptation: of the method itself, of its rivals, and of the session.

    A value that is out of its range or not of its type raises ConfigError.
    """

    def __post_init__(self) -> None:
        for name, one in declared_settings(type(self)).items():
            value = read_value(name, getattr(self, name), one.kind)
            check_setting(one.setting.admits(value), name, value, one.rule)
            object.__setattr__(self, name, value)

    @property
    def changes_nothing(self) -> bool:
        """Whether what comes of it is the source model itself."""
        untrained = self.iterations == 0 and self.inference_statistics == "source"
        return untrained and self.test_time == "none" and not self.multi_view

    @classmethod
    def from_items(cls, items: Iterable[str], base: AdaptationConfig | None = None) -> AdaptationConfig:
        """Settings from ``KEY=VALUE`` texts laid over ``base``.

        Raises
        ------
        ConfigError
            A text is not KEY=VALUE, its key is unknown (the known ones are listed) or its value unusable.

        Examples
        --------
        >>> config = AdaptationConfig.from_items(["iterations=40", "hbs=proximal"])
        >>> config.iterations, config.hbs
        (40, 'proximal')
        """
        changes: dict[str, object] = {}
        for item in items:
            key, equals, value = item.partition("=")
            if not equals:
                raise ConfigError(f"'{item}' is no setting with its value, as in iterations=40.")
            changes[key.strip()] = value.strip()
        return (base or cls()).replace(**changes)

    def replace(self, **changes: Any) -> AdaptationConfig:
        """The same settings with some changed; values may be texts. Unknown keys raise ConfigError.

        Keys and values of earlier releases are read with a FutureWarning.
        """
        changes = _in_present_words(changes)
        known = declared_settings(type(self))
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise ConfigError(
                f"There is no setting '{unknown[0]}'. The settings are: {', '.join(sorted(known))}."
            )
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, in the order of the fields."""
        return dataclasses.asdict(self)


_RENAMED = {"go_back": "fallback"}
_RENAMED_VALUES = {("contrast", "turned"): "inverted"}


def _in_present_words(changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` with the keys and values of earlier releases put into those of today."""
    found: dict[str, Any] = {}
    for key, value in changes.items():
        name = _RENAMED.get(key, key)
        new = _RENAMED_VALUES.get((name, value), value) if isinstance(value, str) else value
        if name != key:
            warnings.warn(f"The setting '{key}' is called '{name}' now.", FutureWarning, stacklevel=4)
        if new != value:
            warnings.warn(f"{name}={value} is called {name}={new} now.", FutureWarning, stacklevel=4)
        found[name] = new
    return found
