from __future__ import annotations

import pytest

from napari_osuda.benchmark import template
from napari_osuda.errors import OsudaError

pytest.importorskip("nilearn")


def test_the_installed_template_is_the_known_one():
    template.require_known_template()


def test_another_template_is_refused(monkeypatch):
    monkeypatch.setitem(template._FILES, "gm", "0" * 64)
    with pytest.raises(OsudaError, match=r"mni_icbm152_gm.*another|another.*mni_icbm152_gm"):
        template.require_known_template()
