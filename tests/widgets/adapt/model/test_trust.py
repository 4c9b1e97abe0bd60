from __future__ import annotations

from pathlib import Path

from napari_osuda.widgets.adapt.model.trust import TrustForm


def test_a_program_is_named_with_its_checksum_and_no_is_the_default(qtbot):
    form = TrustForm()
    qtbot.addWidget(form)
    form.ask(Path("/models/<a>.pt"), "TorchScript & more", "ab" * 32)
    text = form.label.text().replace("&#8203;", "")
    assert "/models/&lt;a&gt;.pt" in text
    assert "TorchScript &amp; more" in text
    assert "ab" * 32 in text
    assert form.no_button.isDefault()
    assert not form.yes_button.isDefault()


def test_both_answers_are_told(qtbot):
    form = TrustForm()
    qtbot.addWidget(form)
    answers = []
    form.answered.connect(answers.append)
    form.no_button.click()
    form.yes_button.click()
    assert answers == [False, True]
