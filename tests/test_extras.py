"""What is said where a library is missing or does not fit, and where nobody reads what is printed."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from napari_osuda.errors import explain
from napari_osuda.extras import EXTRAS, library_problem, qt_problem

SAMPLE = Path(__file__).parents[1] / "sample_data" / "models" / "whole-tumour-t2"
# Bars modules from being imported, as though they were not installed.
_WITHOUT = """
import sys
class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Barred())
from napari_osuda.cli import main
sys.exit(main(sys.argv[2:]))
"""


def without(modules: str, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, modules, *command], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("module", "extra"), EXTRAS.items())
def test_a_missing_library_is_named_with_its_extra(module, extra):
    said = explain(ModuleNotFoundError(f"No module named '{module}.x'", name=f"{module}.x"))
    assert said == f"{module} is not installed. Install it: pip install 'napari-osuda[{extra}]'."


def test_every_extra_is_one_of_the_package():
    import tomllib

    with open(Path(__file__).parents[1] / "pyproject.toml", "rb") as stream:
        declared = tomllib.load(stream)["project"]["optional-dependencies"]
    assert set(EXTRAS.values()) <= set(declared)


def test_the_bench_without_the_simulation(tmp_path):
    code, said = without("nilearn", "bench", "--patients", "1", "--seeds", "0", "--out", str(tmp_path / "b"))
    assert code == 1
    assert "pip install 'napari-osuda[simulation]'" in said
    assert "Traceback" not in said
    assert "report it" not in said


def test_the_demo_without_qt(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":nowhere")
    code, said = without("PyQt6,PySide6,PyQt5,PySide2", "demo")
    assert code == 1
    assert "No Qt is installed. Install it: pip install 'napari-osuda[qt]'." in said
    assert "apt-get" not in said


def test_a_binding_that_crashes_is_told(monkeypatch):
    monkeypatch.setattr("napari_osuda.extras._bindings", lambda: [("PySide6", "6.12.0")])
    monkeypatch.setattr("sys.version_info", (3, 11, 9))
    assert "PySide6 6.12.0 crashes on Python 3.11" in str(qt_problem())
    monkeypatch.setattr("sys.version_info", (3, 12, 0))
    assert qt_problem() is None


@pytest.mark.parametrize("of_another", [True, False])
def test_a_torchvision_of_another_torch_is_told(tmp_path, of_another):
    wanted = "1.0.0" if of_another else importlib.metadata.version("torch").partition("+")[0]
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('operator does not exist')")
    about = tmp_path / "torchvision-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: torchvision\nVersion: 0.1.0\nRequires-Dist: torch=={wanted}\n"
    )
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom napari_osuda.errors import explain\n"
        "try:\n    import torchvision\nexcept Exception as error:\n    print(explain(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    if of_another:
        assert "torchvision 0.1.0 belongs to torch 1.0.0, and torch " in done.stdout
    else:
        assert "do not work together: one may be built for CUDA" in done.stdout


def test_a_failure_inside_a_torchvision_that_fits_is_another(tmp_path, monkeypatch):
    folder = tmp_path / "torchvision"
    folder.mkdir()
    (folder / "__init__.py").write_text("def broken():\n    raise RuntimeError('shapes differ')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    versions = {"torch": "2.0.0", "torchvision": "0.15.0"}
    monkeypatch.setattr("importlib.metadata.version", versions.__getitem__)
    monkeypatch.setattr("importlib.metadata.requires", lambda name: ["torch==2.0.0"])
    import torchvision

    with pytest.raises(RuntimeError) as caught:
        torchvision.broken()
    monkeypatch.delitem(sys.modules, "torchvision")
    assert library_problem(caught.value) is None


@pytest.mark.parametrize("command", [["inspect", str(SAMPLE), "--json"], ["--help"]])
def test_a_reader_that_leaves_is_no_failure(command):
    child = subprocess.Popen(
        [sys.executable, "-m", "napari_osuda", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    said = child.stderr.read().decode()
    child.stderr.close()
    assert child.wait() == 0
    assert "roken pipe" not in said
