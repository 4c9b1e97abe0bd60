from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.session.review.log import PLANES, Entry, in_force

KINDS = ["after", "before", "edited", "flag", "unflag"]
entries = st.builds(
    Entry, st.sampled_from(KINDS), st.sampled_from([*PLANES, None]),
    st.lists(st.integers(0, 99)).map(tuple), st.text(), st.text(), st.text(), st.lists(st.text()).map(tuple),
)  # fmt: skip


@given(entries)
def test_an_entry_comes_back_from_its_json(entry):
    assert Entry.from_dict(entry.to_dict()) == entry


@pytest.mark.parametrize(
    "values",
    [{}, {"kind": "guess"}, {"kind": "after", "plane": "up"}, {"kind": "after", "slices": "1"},
     {"kind": "after", "slices": ["1"]}, {"kind": "after", "seen": {}}],
)  # fmt: skip
def test_what_is_no_entry_is_refused(values):
    with pytest.raises(CaseError, match="an entry that is not valid"):
        Entry.from_dict(values)


def test_an_undo_takes_the_last_and_a_redo_brings_it_back():
    log = [Entry("after"), Entry("before"), Entry("undo")]
    assert in_force(log) == ([0], [1])
    assert in_force([*log, Entry("redo")]) == ([0, 1], [])


def test_a_new_decision_ends_what_could_be_redone():
    log = [Entry("after"), Entry("undo"), Entry("before")]
    assert in_force(log) == ([2], [])


def test_more_undone_than_done_is_a_contradiction():
    with pytest.raises(IndexError):
        in_force([Entry("undo")])
