"""The settings of one adaptation by name: of the method, of its rivals, and of the run that carries it out.

A setting is declared here and nowhere else. Its range, the panel's form, ``--set``, the table in the docs and
``run.json`` follow from its line.
"""

from napari_osuda.method.settings.declared import (
    Declared,
    Group,
    Setting,
    declared_settings,
    described,
    grouped,
    setting_texts,
)
from napari_osuda.method.settings.of_method import MethodSettings
from napari_osuda.method.settings.of_rivals import RivalSettings
from napari_osuda.method.settings.of_run import RunSettings

__all__ = [
    "Declared",
    "Group",
    "MethodSettings",
    "RivalSettings",
    "RunSettings",
    "Setting",
    "declared_settings",
    "described",
    "grouped",
    "setting_texts",
]
