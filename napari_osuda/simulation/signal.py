"""MR signal equations, and the relaxation times of the tissues that they are fed with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = [
    "RELAXIVITY",
    "TISSUES",
    "Sequence",
    "Tissue",
    "gradient_echo",
    "inversion_recovery",
    "signal",
    "spin_echo",
    "with_contrast_agent",
]


@dataclass(frozen=True)
class Tissue:
    """What a tissue contributes to the MR signal.

    Attributes
    ----------
    t1, t2 : mapping of field strength (T) to float
        Longitudinal and transverse relaxation time, ms.
    density : float
        Proton density relative to water.
    uptake : float
        Concentration of contrast agent after injection, mmol/l.
    """

    t1: dict[float, float]
    t2: dict[float, float]
    density: float
    uptake: float = 0.0


# Grey and white matter: T1 at 1.5 T of Rooney et al., Magn Reson Med 57 (2007) 308, at 3 T of
# Wansapura et al., J Magn Reson Imaging 9 (1999) 531; T2 of Stanisz et al., Magn Reson Med 54 (2005) 507.
# CSF: T1 of Lin et al., J Magn Reson Imaging 14 (2001) 313, T2 about 2 s. Blood: T1 of Lu et al., Magn
# Reson Med 52 (2004) 679; its density is lowered because flowing blood loses signal. Water content as in
# Tofts, Quantitative MRI of the Brain (2003), ch. 4. Tumour compartments: round figures of ours, of the
# order that relaxometry finds in gliomas and the oedema around them (Just and Thelen, Radiology 169 (1988)
# 779; Blystad et al., Sci Rep 10 (2020) 17986), with the longer T1 and slightly shorter T2 of the higher
# field.
TISSUES: dict[str, Tissue] = {
    "grey": Tissue({1.5: 1188, 3.0: 1331}, {1.5: 95, 3.0: 99}, 0.82, 0.03),
    "white": Tissue({1.5: 656, 3.0: 832}, {1.5: 72, 3.0: 69}, 0.70, 0.01),
    "csf": Tissue({1.5: 4070, 3.0: 4163}, {1.5: 2000, 3.0: 2000}, 1.0),
    "vessel": Tissue({1.5: 1441, 3.0: 1624}, {1.5: 200, 3.0: 150}, 0.45, 1.5),
    "choroid plexus": Tissue({1.5: 1400, 3.0: 1600}, {1.5: 180, 3.0: 160}, 0.88, 0.8),
    "white matter change": Tissue({1.5: 950, 3.0: 1150}, {1.5: 112, 3.0: 105}, 0.80, 0.01),
    "oedema": Tissue({1.5: 1100, 3.0: 1350}, {1.5: 175, 3.0: 165}, 0.90, 0.02),
    "enhancing": Tissue({1.5: 1200, 3.0: 1450}, {1.5: 150, 3.0: 140}, 0.88, 0.8),
    "non-enhancing": Tissue({1.5: 1400, 3.0: 1650}, {1.5: 200, 3.0: 190}, 0.92, 0.03),
    "necrosis": Tissue({1.5: 2000, 3.0: 2300}, {1.5: 320, 3.0: 300}, 0.95),
    "low-grade": Tissue({1.5: 1450, 3.0: 1700}, {1.5: 220, 3.0: 205}, 0.93, 0.02),
}

# Longitudinal relaxivity of the usual gadolinium agents in blood at 37 degrees C, l/mmol/s (Rohrer et al.,
# Invest Radiol 40 (2005) 715).
RELAXIVITY = {1.5: 4.3, 3.0: 3.9}


@dataclass(frozen=True)
class Sequence:
    """A pulse sequence.

    Attributes
    ----------
    kind : {'spin echo', 'inversion recovery', 'gradient echo'}
    tr, te : float
        Repetition and echo time, ms.
    ti : float
        Inversion time, ms; of inversion recovery.
    flip : float
        Flip angle, degrees; of the gradient echo.
    contrast_agent : bool
        The image is taken after injection.
    """

    kind: Literal["spin echo", "inversion recovery", "gradient echo"]
    tr: float
    te: float
    ti: float = 0.0
    flip: float = 90.0
    contrast_agent: bool = False


def spin_echo(t1: float, t2: float, density: float, tr: float, te: float) -> float:
    """Signal of a spin echo; times in ms.

    The refocusing pulse at TE / 2 inverts what has recovered by then, hence the middle term.
    """
    recovered = 1 - 2 * np.exp(-(tr - te / 2) / t1) + np.exp(-tr / t1)
    return float(density * recovered * np.exp(-te / t2))


def inversion_recovery(t1: float, t2: float, density: float, tr: float, te: float, ti: float) -> float:
    """Magnitude signal of an inversion recovery with spin-echo read-out, such as FLAIR; times in ms."""
    recovered = 1 - 2 * np.exp(-ti / t1) + 2 * np.exp(-(tr - te / 2) / t1) - np.exp(-tr / t1)
    return float(density * abs(recovered) * np.exp(-te / t2))


def gradient_echo(t1: float, t2: float, density: float, tr: float, te: float, flip: float) -> float:
    """Signal of a spoiled gradient echo (the Ernst formula); times in ms, flip angle in degrees.

    T2* is taken as half of T2; at the short echo times used here it hardly matters.
    """
    e1, angle = np.exp(-tr / t1), np.radians(flip)
    return float(density * np.sin(angle) * (1 - e1) / (1 - np.cos(angle) * e1) * np.exp(-2 * te / t2))


def with_contrast_agent(t1: float, concentration: float, field: float) -> float:
    """T1 in ms in the presence of contrast agent (mmol/l): 1 / T1' = 1 / T1 + r1 C."""
    return 1 / (1 / t1 + RELAXIVITY[field] * concentration / 1000)


def signal(
    tissue: Tissue, sequence: Sequence, field: float, water: float = 0.0, uptake: float = 1.0
) -> float:
    """Signal of a tissue in a sequence.

    Parameters
    ----------
    tissue : Tissue
        One of `TISSUES`, or a patient's own.
    sequence : Sequence
        The contrast.
    field : float
        Field strength, T: 1.5 or 3.0.
    water : float
        Relative excess of free water: it lengthens T1 and T2 by this share, and the density by a fifth of it.
    uptake : float
        Share of the tissue's uptake of contrast agent that is there.
    """
    t1, t2 = tissue.t1[field] * (1 + water), tissue.t2[field] * (1 + water)
    density = tissue.density * (1 + water / 5)
    if sequence.contrast_agent:
        t1 = with_contrast_agent(t1, uptake * tissue.uptake, field)
    if sequence.kind == "spin echo":
        return spin_echo(t1, t2, density, sequence.tr, sequence.te)
    if sequence.kind == "inversion recovery":
        return inversion_recovery(t1, t2, density, sequence.tr, sequence.te, sequence.ti)
    return gradient_echo(t1, t2, density, sequence.tr, sequence.te, sequence.flip)
