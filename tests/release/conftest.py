"""A repository of one commit with what is here, and the releases of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from release.dist import make
from tests.support import TESTS

if TYPE_CHECKING:
    from pathlib import Path

ROOT = TESTS.parent
EPOCH = 1_700_000_000
CHART = "deploy/helm/aerospike-memory-exporter/Chart.yaml"


class Release(NamedTuple):
    """The repository, and what was made of it."""

    repository: Path
    directory: Path
    said: list[str]

    def file(self, pattern: str) -> Path:
        """The one file of a pattern."""
        (found,) = self.directory.glob(pattern)
        return found


def git(repository: Path, *words: str) -> str:
    """What git says in a repository, with a fixed time and person."""
    date = f"{EPOCH} +0000"
    person = {f"GIT_{role}_{what}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **person, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    return subprocess.run(
        ["git", *words], cwd=repository, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is here, and what .gitignore does not name, as one commit."""
    if not shutil.which("git"):
        pytest.skip("needs git")
    place = tmp_path_factory.mktemp("repository") / "checkout"
    unneeded = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "build", "dist")
    shutil.copytree(ROOT, place, ignore=unneeded)
    git(place, "init", "--quiet")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message=All of it")
    return place


@pytest.fixture(scope="session")
def release(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release without an image."""
    directory = tmp_path_factory.mktemp("release") / "dist"
    return Release(repository, directory, make(repository, directory, base=None, engine=None))
