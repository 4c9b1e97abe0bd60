#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""What is advertised, tried: ``nox --list`` tells the sessions.

Pythons that a machine lacks are passed over, but not in CI.

nox -s tests-3.12                all tests but those with a window
nox -s gui -- tests/widgets      with a window, in PyQt6 and in PySide6
nox -s lowest                    the oldest versions that are allowed
nox -s extras                    the tests that need ONNX, nnU-Net or smp, with a torchvision that fits
nox -s coverage                  lines and branches reached with the windows: 90 % at least
nox -s mutants -- losses         whether the tests of the method notice a change of its code
"""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}
WITHOUT_WINDOWS = ["-m", "not viewer", "--ignore=tests/widgets", "--ignore=tests/napari_layers"]
OFTEN_MISSING = ["tests/models", "tests/imaging", "tests/test_extras.py"]


def _group(session: nox.Session, *more: str, pinned: bool = False) -> None:
    """Install the package with the group of the tests."""
    constraints = ["-c", "constraints.txt"] if pinned else []
    session.install("--upgrade", "pip>=25.1")
    session.install(*constraints, "--editable", ".", "--group", "test", *more)


def _displayed(session: nox.Session, *command: str) -> None:
    """Run on a display, or on a virtual one."""
    session.run("sh", "tools/with-display.sh", *command, external=True, env=ENVIRONMENT)


@nox.session(python="3.11", default=True)
def lint(session: nox.Session) -> None:
    """Style, import contracts, types."""
    _group(session, pinned=True)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")
    session.run("mypy")


@nox.session(python=PYTHONS, default=True)
def tests(session: nox.Session) -> None:
    """All tests without a window, with the newest versions of everything."""
    _group(session)
    session.run("pytest", *(session.posargs or WITHOUT_WINDOWS), env=ENVIRONMENT)


@nox.session(python=PYTHONS, default=False)
@nox.parametrize("qt", ["PyQt6", "PySide6"])
def gui(session: nox.Session, qt: str) -> None:
    """The tests with a window, in one binding of Qt."""
    _group(session)
    if qt == "PySide6":
        session.install("--editable", ".[pyside6]")
        session.run("pip", "uninstall", "--yes", "PyQt6", "PyQt6-Qt6", "PyQt6-sip")
    session.env["QT_API"] = qt.lower()
    _displayed(session, "pytest", *(session.posargs or ["tests/widgets", "tests/napari_layers"]))


@nox.session(python="3.11", default=False)
def lowest(session: nox.Session) -> None:
    """The oldest versions that pyproject.toml allows."""
    listed = session.run("python", "tools/lowest.py", silent=True)
    constraints = session.create_tmp() + "/lowest.txt"
    with open(constraints, "w", encoding="utf-8") as stream:
        stream.write(str(listed))
    _group(session, "-c", constraints)
    session.run("pytest", *(session.posargs or WITHOUT_WINDOWS), env=ENVIRONMENT)


@nox.session(python="3.12", default=False)
def extras(session: nox.Session) -> None:
    """The tests that are skipped where ONNX, nnU-Net or smp are missing."""
    _group(session, "torch", "torchvision", ".[onnx,nnunet,smp]")
    session.run("pytest", *(session.posargs or OFTEN_MISSING), env=ENVIRONMENT)


@nox.session(python="3.12", default=False)
def prerelease(session: nox.Session) -> None:
    """The windows in napari's next release."""
    _group(session)
    session.install("--upgrade", "--pre", "napari[pyqt6]")
    _displayed(session, "pytest", *(session.posargs or ["tests/widgets", "tests/napari_layers"]))


@nox.session(python="3.12", default=False)
def coverage(session: nox.Session) -> None:
    """All tests, with windows: the lines and branches of the package that none of them reaches."""
    _group(session, "coverage>=7.10")
    _displayed(session, "coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(python="3.12", default=False)
def mutants(session: nox.Session) -> None:
    """Small changes of the method's code, each of which a test has to notice; hours for all of it."""
    _group(session, pinned=True)
    session.run("python", "-W", "ignore", "tools/mutants.py", *session.posargs, env=ENVIRONMENT)


@nox.session(python="3.12", default=False)
def docs(session: nox.Session) -> None:
    """The site; a warning, a dead link within it or a notebook that fails is a failure."""
    session.install("--upgrade", "pip>=25.1")
    session.install("-c", "constraints.txt", "--editable", ".", "--group", "docs")
    session.run("python", "-m", "sphinx", "--fail-on-warning", "--keep-going", "docs", "docs/_build/html")


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Wheel and source archive, and what napari makes of the manifest."""
    session.install("build", "twine", "npe2")
    session.run("python", "-m", "build", "--outdir", "dist")
    session.run("twine", "check", "--strict", "dist/*")
    session.run("npe2", "validate", "napari_osuda/napari.yaml")


@nox.session(default=False)
def repo_review(session: nox.Session) -> None:
    """The checklist of scientific Python."""
    session.install("sp-repo-review[cli]")
    session.run("sp-repo-review", ".")


if __name__ == "__main__":
    nox.main()
