from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_parts import Edit

from napari_osuda.errors import ModelError
from napari_osuda.models import load_model
from napari_osuda.models.files.packages import Package


def _archive(
    path: Path, entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change is not None:
                change(info)
            archive.writestr(info, content)
    return path


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "C:/evil.txt"])
def test_paths_that_lead_out_of_an_archive(tmp_path: Path, name: str) -> None:
    archive = _archive(tmp_path / "model.zip", {"bioimageio.yaml": b"type: model", name: b"x"})
    with pytest.raises(ModelError, match="not a path inside the package"):
        load_model(archive)
    assert [p.name for p in tmp_path.iterdir()] == ["model.zip"]


@pytest.mark.parametrize("name", ["../weights.pt", "/etc/passwd", "a\\..\\b"])
def test_paths_that_lead_out_of_a_folder(edit: Edit, name: str) -> None:
    with pytest.raises(ModelError, match="not a path inside the package"):
        load_model(edit(lambda d: d["weights"]["pytorch_state_dict"].update(source=name)))


def test_a_link_out_of_a_folder(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.pt"
    (folder / "weights.pt").rename(outside)
    (folder / "weights.pt").symlink_to(outside)
    with pytest.raises(ModelError, match="link that leads out"):
        load_model(folder)


def test_a_link_in_an_archive(tmp_path: Path) -> None:
    def link(info: zipfile.ZipInfo) -> None:
        if info.filename == "weights.pt":
            info.external_attr = 0o120777 << 16

    archive = _archive(
        tmp_path / "m.zip", {"bioimageio.yaml": b"type: model", "weights.pt": b"/etc/passwd"}, link
    )
    with pytest.raises(ModelError, match="is a link"):
        load_model(archive)


def test_a_zip_bomb(tmp_path: Path) -> None:
    bomb = _archive(tmp_path / "m.zip", {"bioimageio.yaml": b"type: model", "weights.pt": bytes(50 * 2**20)})
    assert bomb.stat().st_size < 100_000
    with pytest.raises(ModelError, match="zip bombs"):
        load_model(bomb)


def test_one_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bioimageio.yaml", "type: model")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("bioimageio.yaml", "type: dataset")
    with pytest.raises(ModelError, match="twice"):
        load_model(path)


def test_an_archive_that_lies_about_a_size(tmp_path: Path) -> None:
    path = _archive(tmp_path / "m.zip", {"bioimageio.yaml": b"type: model" + b" " * 5000})
    content = path.read_bytes()
    spoiled = content.replace((5011).to_bytes(4, "little"), (11).to_bytes(4, "little"))
    assert spoiled != content
    path.write_bytes(spoiled)
    with Package(path) as package, pytest.raises(ModelError, match=r"cannot be read|not of the size"):
        package.read("bioimageio.yaml")


def test_a_file_over_the_limit(folder: Path) -> None:
    with Package(folder) as package, pytest.raises(ModelError, match="more than 10 are not read"):
        package.read("weights.pt", limit=10)


def test_code_in_the_package_is_not_imported(folder: Path, edit: Edit, tmp_path: Path) -> None:
    victim = tmp_path / "written"
    (folder / "network.py").write_text(f"open({str(victim)!r}, 'w').close()\nclass Net: pass\n")
    architecture = {"source": "network.py", "callable": "Net"}
    with pytest.raises(ModelError, match=r"Python code in the package \(network\.py\), which is not run"):
        load_model(edit(lambda d: d["weights"]["pytorch_state_dict"].update(architecture=architecture)))
    assert not victim.exists()


@pytest.mark.parametrize("path", ["a" * 5000, "a\0b", "", "~nobody-is-called-so/x", "\ud800"])
def test_a_path_that_leads_nowhere(path: str) -> None:
    with pytest.raises(ModelError):
        load_model(path)


def test_a_folder_that_may_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names can be had, and nothing else of what is in it, as for a user without the right to enter."""
    (tmp_path / "config.json").write_text("{}")
    stat = Path.stat

    def refused(self: Path, **more: bool) -> object:
        if self.parent == tmp_path:
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, **more)

    monkeypatch.setattr(Path, "stat", refused)
    monkeypatch.setattr("os.path.isfile", lambda path: False)
    with pytest.raises(ModelError, match="is not a model"):
        load_model(tmp_path)
