"""What a stranger's file puts into a sentence cannot steer the terminal that shows it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import (
    CaseError,
    ModelError,
    RunUnderWayError,
    UntrustedModelError,
    cannot_write,
    explain,
    printable,
    shown,
)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(st.text())
def test_no_text_steers_a_terminal(text: str) -> None:
    for error in (ModelError(text), CaseError(text), UntrustedModelError(text, sha256="0")):
        assert str(error).replace("\n", "").isprintable()
    printable(text).encode()
    assert explain(RuntimeError(text)).replace("\n", "").isprintable()


@given(_JSON)
def test_any_value_is_shown_short_and_on_one_line(value: object) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) < 1000


def test_what_is_harmless_stays_as_it_is() -> None:
    assert (
        str(ModelError("Läsion 病変.nii.gz ends early:\n3 of 8 MB"))
        == "Läsion 病変.nii.gz ends early:\n3 of 8 MB"
    )
    assert printable("a\x1b[31mb\u202ec\udcff") == "a\\x1b[31mb\\u202ec\\udcff"
    assert shown("x" * 100, 5) == "'xxxxx...'"
    assert shown(10**5000) == "a number that is too large"


def test_a_failed_write_gives_the_systems_reason() -> None:
    full = OSError(28, "No space left on device")
    assert str(cannot_write("/out/mask.nii.gz", full)) == (
        "/out/mask.nii.gz cannot be written: No space left on device."
    )
    assert str(cannot_write("The model /out", OSError("odd"))) == "The model /out cannot be written: odd."


def test_a_run_under_way_is_a_sentence_of_its_own() -> None:
    assert explain(RunUnderWayError()) == "A run is under way. Stop it first."
