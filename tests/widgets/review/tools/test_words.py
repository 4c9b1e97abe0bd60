from __future__ import annotations

from napari_osuda.widgets.review.tools import words


def test_what_a_tool_does_is_said_with_slices_edits_and_ml():
    ml = {"core": 0.51, "edema": -0.2, "rim": 0.001}
    where = "3 axial slices (1 to 3)"
    asked = words.question("Smooth", where, "axial slice 2", ml)
    assert asked == (
        "Smooth in 3 axial slices (1 to 3)? Edits in axial slice 2 would change. "
        "core +0.51 ml, edema \N{MINUS SIGN}0.20 ml."
    )
    assert words.changed("Fill holes", "axial slice 2", {}) == "Fill holes: changed axial slice 2."
    assert "core, edema" in words.unknown_label(7, ["core", "edema"])
