from __future__ import annotations

import pytest
from qtpy.QtWidgets import QDoubleSpinBox
from superqt import QLabeledDoubleRangeSlider

from napari_osuda.method import AdaptationConfig
from napari_osuda.method.settings import declared_settings
from napari_osuda.session.review.tools.numbers import ToolNumbers
from napari_osuda.widgets.qt.editors import editor

KNOWN = declared_settings(AdaptationConfig)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("tau", 2.5, "2.5"), ("learning_rate", 3e-5, "3e-05"), ("threads", None, ""), ("threads", 3, "3"),
     ("class_ratio", (0.9, 0.1), "0.9, 0.1"), ("seed", 2**32 - 1, "4294967295")],
)  # fmt: skip
def test_a_number_is_shown_as_it_is_and_given_back(qtbot, name, value, shown):
    field = editor(name, KNOWN[name])
    qtbot.addWidget(field.native)
    field.value = value
    assert (field.native.text() if hasattr(field.native, "text") else str(field.value)) == shown
    assert getattr(AdaptationConfig().replace(**{name: field.value}), name) == value


def test_flags_choices_and_ranges_have_editors_of_their_kind(qtbot):
    fields = {name: editor(name, one) for name, one in KNOWN.items()}
    for field in fields.values():
        qtbot.addWidget(field.native)
    assert fields["guard"].value is True
    assert fields["guard"].native.text() == ""
    assert fields["contrast"].choices == ("off", "fitted", "names", "inverted", "fluid_bright", "both_bright")
    assert fields["history"].min == 1
    assert fields["threads"].native.placeholderText() == "none"
    assert fields["tau"].native.accessibleName() == "Decay (tau)"


def test_a_number_with_a_step_is_a_box_with_its_unit_and_two_are_the_ends_of_a_range(qtbot):
    known = declared_settings(ToolNumbers)
    fields = {name: editor(name, one, one.meaning) for name, one in known.items()}
    for field in fields.values():
        qtbot.addWidget(field.native)
    box, span = fields["ml"].native, fields["intensity"].native
    assert isinstance(box, QDoubleSpinBox)
    assert (box.value(), box.minimum(), box.maximum(), box.decimals()) == (0.1, 0.0, 99.0, 2)
    assert box.text().endswith(" ml")
    assert "smaller than this are removed. In ml. It must be between 0 and 99." in box.toolTip()
    assert isinstance(span, QLabeledDoubleRangeSlider)
    assert fields["intensity"].value == (0, 0)
