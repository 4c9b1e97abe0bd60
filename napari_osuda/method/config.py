"""All settings of one adaptation: checked, read from texts, and renamed from those of earlier releases."""

from __future__ import annotations

import dataclasses
import typing
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from napari_osuda.errors import ConfigError
from napari_osuda.method.settings import MethodSettings, RunSettings
from napari_osuda.method.values import check_setting, read_value

__all__ = ["AdaptationConfig"]


@dataclass(frozen=True)
class AdaptationConfig(RunSettings, MethodSettings):
    """All settings of an adaptation: `MethodSettings` of the method itself, `RunSettings` of the session.

    Raises
    ------
    ConfigError
        A value is out of its range or not of its type.
    """

    def __post_init__(self) -> None:
        for field, kind in _kinds().items():
            object.__setattr__(self, field, read_value(field, getattr(self, field), kind))
        check_setting(self.iterations >= 0, "iterations", self.iterations, "0 or more")
        check_setting(self.batch_size >= 1, "batch_size", self.batch_size, "1 or more")
        check_setting(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        check_setting(0 <= self.eta0 <= 1, "eta0", self.eta0, "between 0 and 1")
        check_setting(self.tau > 0, "tau", self.tau, "above 0")
        check_setting(self.lambda0 >= 0, "lambda0", self.lambda0, "0 or more")
        check_setting(0 <= self.source_prior <= 1, "source_prior", self.source_prior, "between 0 and 1")
        check_setting(
            self.source_count is None or self.source_count >= 0,
            "source_count",
            self.source_count,
            "0 or more",
        )
        for name in ("momentum", "momentum_decay", "momentum_floor"):
            check_setting(0 <= getattr(self, name) <= 1, name, getattr(self, name), "between 0 and 1")
        ratio = self.class_ratio
        check_setting(
            ratio is None or all(0 <= r <= 1 for r in ratio), "class_ratio", ratio, "shares between 0 and 1"
        )
        for name in ("class_ratio_tolerance", "class_ratio_weight", "consistency"):
            check_setting(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        check_setting(0 <= self.minimum_head <= 1, "minimum_head", self.minimum_head, "between 0 and 1")
        for name in ("sharpness", "recovery"):
            check_setting(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        margin = self.entropy_margin
        check_setting(
            margin is None or 0 < margin <= 1, "entropy_margin", margin, "above 0 and at most 1, or none"
        )
        check_setting(self.history >= 1, "history", self.history, "1 or more")
        check_setting(
            self.threads is None or 1 <= self.threads <= 1024, "threads", self.threads, "1 to 1024, or none"
        )
        check_setting(0 <= self.seed < 2**32, "seed", self.seed, "0 to 4294967295")

    @property
    def changes_nothing(self) -> bool:
        """Whether what comes of it is the source model itself."""
        return self.iterations == 0 and self.inference_statistics == "source" and self.test_time == "none"

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
                raise ConfigError(f"'{item}' is not KEY=VALUE, as in iterations=40.")
            changes[key.strip()] = value.strip()
        return (base or cls()).replace(**changes)

    def replace(self, **changes: Any) -> AdaptationConfig:
        """The same settings with some changed; values may be texts. Unknown keys raise ConfigError.

        Keys and values of earlier releases are read with a FutureWarning.
        """
        changes = _in_present_words(changes)
        unknown = sorted(set(changes) - set(_kinds()))
        if unknown:
            raise ConfigError(
                f"There is no setting '{unknown[0]}'. The settings are: {', '.join(sorted(_kinds()))}."
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


def _kinds() -> Mapping[str, Any]:
    return typing.get_type_hints(AdaptationConfig)
