"""What is said of the release in several places is the same in all of them."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from napari_osuda.version import __version__

ROOT = Path(__file__).parents[1]
# Without site-packages, so that nothing is installed.
_ALONE = "import sys; sys.path.insert(0, {folder!r}); import version; print(version.__version__)"


def test_one_version():
    # The program's own comes from git's tags; what is sent elsewhere names the release.
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    recipe = (ROOT / "packaging" / "conda" / "meta.yaml").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (cited,) = re.findall(r"^version: (.+)$", citation, re.MULTILINE)
    assert f'set version = "{cited}"' in recipe
    assert re.findall(r"^## \[([0-9.]+)\]", changes, re.MULTILINE)[:1] in ([], [cited])


def test_the_version_is_that_of_the_installation_or_said_to_be_unknown(tmp_path):
    assert __version__ == importlib.metadata.version("napari-osuda")
    (tmp_path / "version.py").write_bytes((ROOT / "napari_osuda" / "version.py").read_bytes())
    alone = [sys.executable, "-I", "-S", "-c", _ALONE.format(folder=str(tmp_path))]
    assert subprocess.run(alone, capture_output=True, text=True, check=True).stdout.strip() == "0+unknown"


def test_the_conda_recipe_asks_for_what_the_package_asks_for():
    with open(ROOT / "pyproject.toml", "rb") as stream:
        needed = tomllib.load(stream)["project"]["dependencies"]
    recipe = (ROOT / "packaging" / "conda" / "meta.yaml").read_text(encoding="utf-8")
    for line in needed:
        name, bounds = re.fullmatch(r"([A-Za-z0-9_-]+)(.*)", line).groups()
        name = {"torch": "pytorch"}.get(name, name)
        assert f"- {name} {bounds}\n" in recipe, line


def test_what_the_source_archive_names_is_there():
    with open(ROOT / "pyproject.toml", "rb") as stream:
        tool = tomllib.load(stream)["tool"]["hatch"]["build"]["targets"]["sdist"]
    missing = [name for name in tool["include"] if not (ROOT / name).exists()]
    assert not missing


def test_the_container_installs_extras_that_exist():
    with open(ROOT / "pyproject.toml", "rb") as stream:
        extras = set(tomllib.load(stream)["project"]["optional-dependencies"])
    for recipe in ("Dockerfile", "osuda.def"):
        text = (ROOT / "containers" / recipe).read_text(encoding="utf-8")
        asked = re.search(r'"\.\[([a-z0-9,]+)\]"', text)
        assert asked is not None
        assert set(asked[1].split(",")) <= extras


def test_the_installation_page_names_every_extra():
    with open(ROOT / "pyproject.toml", "rb") as stream:
        extras = set(tomllib.load(stream)["project"]["optional-dependencies"])
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == extras


def test_pictures_and_pages_have_their_whole_address_on_pypi():
    with open(ROOT / "pyproject.toml", "rb") as stream:
        hooks = tomllib.load(stream)["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for change in hooks["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert targets
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    for target in targets:
        path = target.partition("/main/")[2].partition("#")[0]
        assert not path or (ROOT / path).exists(), target


def test_the_recipe_builds_with_what_the_package_builds_with():
    with open(ROOT / "pyproject.toml", "rb") as stream:
        needed = tomllib.load(stream)["build-system"]["requires"]
    recipe = (ROOT / "packaging" / "conda" / "meta.yaml").read_text(encoding="utf-8")
    host = recipe.partition("host:")[2].partition("run:")[0]
    assert all(f"- {line.replace('>=', ' >=')}\n" in host for line in needed)


def test_one_address():
    with open(ROOT / "pyproject.toml", "rb") as stream:
        urls = tomllib.load(stream)["project"]["urls"]
    home = urls["Source"]
    texts = [
        path
        for pattern in (
            "*.md",
            "*.cff",
            "*.toml",
            ".github/**/*.yml",
            "docs/**/*.md",
            "docs/*.py",
            "packaging/**/*.yaml",
        )
        for path in ROOT.glob(pattern)
        if "_build" not in path.parts
    ]
    texts += (ROOT / "napari_osuda").rglob("*.py")
    # Any other spelling of ours, as of a fork that was renamed in some of the places.
    ours = re.compile(r"https://(?:github|gitlab)\.[\w./-]*/napari-osuda(?=[\s/#\"')]|$)")
    found = {match[0] for path in texts for match in ours.finditer(path.read_text(encoding="utf-8"))}
    assert found == {home}


def test_the_sessions_of_nox_and_the_workflows_name_what_is_there():
    sessions = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    texts = [sessions, *(path.read_text("utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml"))]
    named = {
        path
        for text in texts
        for path in re.findall(r"\b(?:tests|tools|containers|workflows)/[\w./-]+", text)
    }
    assert not sorted(path for path in named if not (ROOT / path).exists())
    known = set(re.findall(r"^def (\w+)\(session", sessions, re.MULTILINE))
    called = {name for text in texts[1:] for name in re.findall(r"nox -s \"?(\w+)", text)}
    for listed in re.findall(r"session: (?:\[([\w, ]+)\]|\"?(\w+))", "".join(texts[1:])):
        called |= set(filter(None, ",".join(listed).replace(" ", "").split(",")))
    assert called <= known
