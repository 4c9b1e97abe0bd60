"""The comparators by their names on the bench."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from napari_osuda.benchmark.comparators.cyclegan import CycleGAN
from napari_osuda.benchmark.comparators.dsfn import DSFN
from napari_osuda.benchmark.comparators.loop import Comparator
from napari_osuda.benchmark.comparators.seat import SEAT
from napari_osuda.benchmark.comparators.settings import COMPARATORS, Setting
from napari_osuda.benchmark.comparators.sifa import SIFA
from napari_osuda.benchmark.comparators.upper_bound import UpperBound

__all__ = ["make_comparator"]


def make_comparator(
    name: str, source: nn.Module, channels: int, classes: int, setting: Setting
) -> Comparator:
    """A comparator, untrained; its new networks are drawn by the setting's seed.

    Parameters
    ----------
    name : str
        One of `COMPARATORS`.
    source : nn.Module
        The source segmenter, left as it is.
    channels, classes : int
        Of its images and of its output.
    setting : Setting

    Raises
    ------
    ModelError
        The method cannot be made of this network.
    """
    made: dict[str, Callable[[], Comparator]] = {
        "cyclegan": lambda: CycleGAN(source, channels, setting),
        "sifa": lambda: SIFA(source, channels, setting),
        "seat": lambda: SEAT(source, channels, setting, classes),
        "dsfn": lambda: DSFN(source, channels, setting, classes),
        "upper-bound": lambda: UpperBound(source, setting),
    }
    assert made.keys() == set(COMPARATORS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(setting.seed)
        return made[name]()
