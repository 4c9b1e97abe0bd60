from __future__ import annotations

from napari_osuda.widgets.adapt.folder_panel import FolderPanel


def test_a_run_folder_is_proposed_that_is_not_there_yet(qtbot, tmp_path):
    panel = FolderPanel()
    qtbot.addWidget(panel)
    panel.set_parent_folder(tmp_path)
    panel.set_case("Müller, A./T2")
    first = panel.path()
    assert first.parent == tmp_path
    assert first.name.startswith("Müller--A.-T2-")
    first.mkdir()
    assert panel.path() != first
    panel.line.setText(str(tmp_path / "mine"))
    panel.line.textEdited.emit(panel.line.text())
    panel.set_case("other")
    assert panel.path() == tmp_path / "mine"
