"""Domain shifts to be measured: the paper's two tables, and controls that practice knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["CONTROLS", "PAPER", "PROTOCOLS", "SIMULATED", "TABLE_1", "TABLE_2", "Catalog", "Protocol"]

Grade = Literal["high", "low"]


@dataclass(frozen=True)
class Protocol:
    """A source model and the target domain that it meets.

    Attributes
    ----------
    name : str
    title : str
        In words, for tables.
    model : str
        The source model: its name in the sample data ("glioma-four-contrasts", "whole-tumour-t2"), or of the
        one that is trained for it.
    images : mapping of str to str
        For each channel of the model, the contrast that the target hands it.
    grade : {"high", "low"}
        Of the target's tumors; the source's are high-grade.
    scanner : {"A", "B"}
        Of the simulation; the source's is A.
    """

    name: str
    title: str
    model: str
    images: Mapping[str, str]
    grade: Grade = "high"
    scanner: str = "A"

    @property
    def whole_tumor(self) -> bool:
        """Whether the model knows one class only."""
        return self.model == "whole-tumour-t2"


@dataclass(frozen=True)
class Catalog:
    """What a bench can run on some data.

    Attributes
    ----------
    protocols : mapping of str to Protocol
        By name.
    groups : mapping of str to tuple of Protocol
        Names for several at once.
    default : tuple of Protocol
        What is run where nothing is asked for.
    compared : tuple of Protocol
        What the comparators that keep source data are run on then (`benchmark.comparators`).
    """

    protocols: Mapping[str, Protocol]
    groups: Mapping[str, tuple[Protocol, ...]]
    default: tuple[Protocol, ...]
    compared: tuple[Protocol, ...] = ()


_FOUR = "glioma-four-contrasts"
_FOUR_IMAGES = {c: c for c in ("t1", "t1ce", "t2", "flair")}
_T2 = "whole-tumour-t2"

TABLE_1 = (
    Protocol("high-to-low-grade", "high to low grade, four contrasts", _FOUR, _FOUR_IMAGES, grade="low"),
)
"""The paper's Table 1."""

TABLE_2 = (
    Protocol("t2-to-flair", "T2 to FLAIR", _T2, {"t2": "flair"}),
    Protocol("t2-to-t1", "T2 to T1", _T2, {"t2": "t1"}),
    Protocol("t2-to-t1ce", "T2 to T1ce", _T2, {"t2": "t1ce"}),
)
"""The paper's Table 2."""

CONTROLS = (
    Protocol("other-scanner", "another scanner, four contrasts", _FOUR, _FOUR_IMAGES, scanner="B"),
    Protocol("t2-other-scanner", "another scanner, T2", _T2, {"t2": "t2"}, scanner="B"),
    Protocol("no-shift", "no shift, four contrasts", _FOUR, _FOUR_IMAGES),
    Protocol("t2-no-shift", "no shift, T2", _T2, {"t2": "t2"}),
)
"""Shifts that the paper does not report, among them none at all, where adapting can only harm."""

PROTOCOLS: Mapping[str, Protocol] = {p.name: p for p in (*TABLE_1, *TABLE_2, *CONTROLS)}

SIMULATED = Catalog(
    PROTOCOLS,
    {"table-1": TABLE_1, "table-2": TABLE_2, "controls": CONTROLS},
    default=(*TABLE_1, *TABLE_2),
    compared=(*TABLE_1, *TABLE_2),
)
"""What runs on simulated patients and, but for the controls, on BraTS."""


def _table_1(wt: float, et: float, tc: float) -> dict[str, float]:
    return {"WT": wt, "TC": tc, "ET": et}


PAPER: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "high-to-low-grade": {
        "source-only": _table_1(79.29, 30.09, 44.11),
        "cruda": _table_1(79.85, 31.05, 43.92),
        "osuda": _table_1(83.62, 32.15, 46.88),
        "osuda-ac": _table_1(82.74, 32.04, 46.62),
        "osuda-se": _table_1(82.45, 31.95, 46.59),
        "seat": _table_1(84.11, 32.67, 47.11),
    },
    **{
        protocol: {
            method: {"WT": dice[column]}
            for method, dice in {
                "source-only": (6.8, 54.4, 6.7),
                "cruda": (47.2, 65.6, 49.4),
                "osuda": (52.7, 67.6, 53.2),
                "osuda-ac": (51.6, 66.5, 52.0),
                "osuda-se": (51.1, 65.8, 52.8),
                "cyclegan": (38.1, 63.3, 42.1),
                "sifa": (51.7, 68.0, 58.2),
                "dsfn": (57.3, 78.9, 62.2),
            }.items()
        }
        for column, protocol in enumerate(("t2-to-t1", "t2-to-flair", "t2-to-t1ce"))
    },
}
"""Dice (%) on BraTS 2018 of Liu et al., MICCAI 2021, Tables 1 and 2: protocol, method, region."""
