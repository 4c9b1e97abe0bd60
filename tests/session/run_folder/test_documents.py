from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_parts import rewrite

from napari_osuda.errors import CaseError
from napari_osuda.session.run_folder.record import read_record

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_record_is_read_or_gets_a_sentence(document, data):
    folder, record = document
    place, where = json.loads(json.dumps(record)), []
    node = place
    while isinstance(node, dict | list) and node:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        where.append((node, key))
        node = node[key]
        if data.draw(st.integers(0, 2)) == 0:
            break
    parent, key = where[-1]
    parent[key] = data.draw(junk)
    rewrite(folder, place)
    with suppress(CaseError):
        read_record(folder)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b"null"])
def test_what_is_no_record_gets_a_sentence(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(CaseError, match="cannot be read as the record of a run"):
        read_record(tmp_path)
