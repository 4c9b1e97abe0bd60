"""Scanners: field strength, protocol, resolution, noise and shading of a hospital's images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from napari_osuda.simulation.signal import Sequence

__all__ = ["CONTRASTS", "SCANNERS", "Scanner"]

CONTRASTS = ("t1", "t1ce", "t2", "flair")


@dataclass(frozen=True)
class Scanner:
    """How a hospital takes its images.

    Attributes
    ----------
    name : str
    field : float
        Field strength, T: 1.5 or 3.0.
    sequences : mapping of contrast to Sequence
        One for each of `CONTRASTS`.
    spacing : tuple of three float
        Voxel, mm, left-right, front-back, up-down; the last is the slice thickness.
    noise : float
        Standard deviation of the noise in each of the two receiver channels, relative to the signal of
        white matter.
    bias : float
        Standard deviation of the logarithm of the receive field.
    blur : float
        Standard deviation of the in-plane point spread, mm.
    """

    name: str
    field: float
    sequences: MappingProxyType[str, Sequence]
    spacing: tuple[float, float, float]
    noise: float
    bias: float
    blur: float

    def on_the_day(self, rng: np.random.Generator) -> Scanner:
        """Vary the protocol as it varies between the patients of one hospital, by a few per cent."""

        def about(value: float, spread: float) -> float:
            return float(value * np.exp(np.clip(rng.normal(0, spread), -2 * spread, 2 * spread)))

        sequences = {
            contrast: replace(
                s, tr=about(s.tr, 0.06), te=about(s.te, 0.08), ti=about(s.ti, 0.025), flip=about(s.flip, 0.05)
            )
            for contrast, s in self.sequences.items()
        }
        return replace(
            self,
            sequences=MappingProxyType(sequences),
            noise=about(self.noise, 0.35),
            bias=about(self.bias, 0.35),
            blur=about(self.blur, 0.2),
        )


SCANNERS: dict[str, Scanner] = {
    # The source hospital: a 3 T scanner, thin slices.
    "A": Scanner(
        name="A",
        field=3.0,
        sequences=MappingProxyType(
            {
                "t1": Sequence("gradient echo", tr=250, te=2.5, flip=70),
                "t1ce": Sequence("gradient echo", tr=250, te=2.5, flip=70, contrast_agent=True),
                "t2": Sequence("spin echo", tr=4800, te=100),
                "flair": Sequence("inversion recovery", tr=9000, te=100, ti=2500),
            }
        ),
        spacing=(1.25, 1.25, 3.0),
        noise=0.035,
        bias=0.10,
        blur=0.6,
    ),
    # Another hospital: 1.5 T, other times, more noise and shading, thicker slices.
    "B": Scanner(
        name="B",
        field=1.5,
        sequences=MappingProxyType(
            {
                "t1": Sequence("spin echo", tr=500, te=14),
                "t1ce": Sequence("spin echo", tr=500, te=14, contrast_agent=True),
                "t2": Sequence("spin echo", tr=3200, te=120),
                "flair": Sequence("inversion recovery", tr=8000, te=140, ti=2200),
            }
        ),
        spacing=(1.25, 1.25, 5.0),
        noise=0.08,
        bias=0.20,
        blur=0.8,
    ),
}
