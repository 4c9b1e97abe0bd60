from __future__ import annotations

from pathlib import Path

import pytest

from napari_osuda.benchmark.real.lgg import LggPatient
from napari_osuda.benchmark.real.protocols import (
    HIPPOCAMPUS,
    HIPPOCAMPUS_CATALOG,
    LGG,
    LGG_CATALOG,
    SOURCE_SITE,
    TUNING_SITE,
    hippocampus_parts,
    lgg_parts,
)


def patient(name):
    return LggPatient(name, name.split("_")[1], Path(), 1)


@pytest.mark.parametrize(
    ("name", "part"),
    [("TCGA_DU_5851", "judging"), ("TCGA_DU_5874", "tuning"), ("TCGA_DU_0000", "training"),
     ("TCGA_HT_7473", "tuning"), ("TCGA_CS_4941", "judging"), ("TCGA_FG_5962", "judging")],
)  # fmt: skip
def test_each_patient_serves_one_purpose(name, part):
    parts = lgg_parts([patient(name)])
    assert [where for where, members in parts.items() if members] == [part]


def test_sources_are_trained_at_one_institution_and_chosen_on_another():
    assert SOURCE_SITE != TUNING_SITE


@pytest.mark.parametrize("count", [3, 30, 260])
def test_hippocampi_are_drawn_once_and_always_alike(count):
    cases = [object() for _ in range(count)]
    parts = hippocampus_parts(cases)
    few = min(20, max(1, count // 10))
    assert (len(parts["judging"]), len(parts["tuning"])) == (few, few)
    assert sorted(map(id, (c for members in parts.values() for c in members))) == sorted(map(id, cases))
    assert parts == hippocampus_parts(cases)


def test_every_protocol_is_named_by_its_key_and_in_a_group():
    for catalog, known in ((LGG_CATALOG, LGG), (HIPPOCAMPUS_CATALOG, HIPPOCAMPUS)):
        assert all(name == protocol.name for name, protocol in known.items())
        grouped = {p.name for group in catalog.groups.values() for p in group}
        assert grouped <= set(known)
