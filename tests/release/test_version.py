"""The version is in one place, and whatever else names it agrees; so are the addresses of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from typing import TYPE_CHECKING

import pytest

from exporter import NAME, PROJECT_URL, __version__
from release.changelog import released, section
from release.packages import wheel
from tests.release.conftest import EPOCH, ROOT

if TYPE_CHECKING:
    from pathlib import Path

CHANGELOG = """\
# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-24

### Added

- Something.

## [0.1.0] - 2026-11-24

- All.
"""
NAMED = (
    ("Dockerfile", rf"{NAME}:(\d\S*)"),
    ("Dockerfile", r'image\.version="([^"]*)"'),
    ("deploy/**/*.yaml", rf"image: {NAME}:(\S+)"),
    ("deploy/kubernetes/**/kustomization.yaml", r"newTag: (\S+)"),
)
CHART = (
    ("deploy/helm/**/Chart.yaml", r"^version: (\S+)"),
    ("deploy/helm/**/Chart.yaml", r"^appVersion: (\S+)"),
)


def versions(pattern: str, text: str) -> set[tuple[str, str]]:
    """The versions that files name, by the file."""
    found = set()
    for path in ROOT.glob(pattern):
        for version in re.findall(text, path.read_text(), re.MULTILINE):
            found.add((str(path.relative_to(ROOT)), version.strip("\"'")))
    return found


@pytest.mark.parametrize(("files", "text"), [*NAMED, *(CHART if any(ROOT.glob("deploy/helm")) else ())])
def test_images_manifests_and_charts_are_of_this_version(files: str, text: str) -> None:
    found = versions(files, text)
    assert found, f"nothing in {files} names a version any more"
    assert {each for each in found if each[1] != __version__} == set()


def test_pyproject_names_no_version() -> None:
    assert not re.search(r"^version = \"", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


def test_the_changelog_s_newest_version_is_this_one() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## .*", text, re.MULTILINE)[0] == "## [Unreleased]"
    headings = re.findall(r"^## \[(\d.*?)\]", text, re.MULTILINE)
    assert released(text) == headings, "a section of a version has its date"
    assert headings[:1] in ([], [__version__])


def test_the_section_of_a_version_is_its_text_alone() -> None:
    assert released(CHANGELOG) == ["0.2.0", "0.1.0"]
    assert section(CHANGELOG, "0.2.0") == "### Added\n\n- Something."
    assert section(CHANGELOG, "0.1.0") == "- All."
    assert section(CHANGELOG, "0.3.0") is None
    assert section(CHANGELOG, "0.1.") is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--tag", "v9.9.9"), f"no release: the tag is v9.9.9, and exporter/__init__.py has version {__version__}\n"),
        (("--tag", __version__), f"no release: the tag is {__version__}, and exporter/__init__.py has version "),
    ],
)
def test_a_tag_of_another_version_is_no_release(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "release", "--directory", str(tmp_path), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(says)
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def _project_urls(source: Path, target: Path) -> list[str]:
    """The addresses in the wheel of a source."""
    target.mkdir()
    with zipfile.ZipFile(wheel(source, target, EPOCH)) as packed:
        said = packed.read(f"aerospike_memory_exporter-{__version__}.dist-info/METADATA").decode()
    return message_from_string(said).get_all("Project-URL", [])


def test_the_package_links_to_where_the_project_is(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "exporter").mkdir(parents=True)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "exporter/__init__.py"):
        shutil.copy(ROOT / name, source / name)
    constants = source / "exporter/__init__.py"
    line = f"PROJECT_URL: str | None = {PROJECT_URL!r}\n".replace("'", '"')
    assert line in constants.read_text()
    for name, url, count in (("none", "None", 0), ("some", '"https://example.com/project"', 4)):
        constants.write_text(constants.read_text().replace(line, f"PROJECT_URL: str | None = {url}\n"))
        links = _project_urls(source, tmp_path / name)
        assert len(links) == count
        assert all(" https://example.com/project" in f" {link.partition(', ')[2]}" for link in links)
        line = f"PROJECT_URL: str | None = {url}\n"
