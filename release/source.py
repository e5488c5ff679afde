"""The last commit, as a directory and as its time."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING, NamedTuple

from release.archive import extract
from release.errors import ReleaseError

if TYPE_CHECKING:
    from pathlib import Path


class Commit(NamedTuple):
    """A commit: its hash, and its time in seconds since 1970, which every file of the release has."""

    revision: str
    epoch: int


def last_commit(repository: Path) -> Commit:
    """The commit that is checked out; raises `ReleaseError` where files differ from it, which would not be released."""
    changed = _git(repository, "status", "--porcelain", "--untracked-files=no").decode().splitlines()
    if changed:
        raise ReleaseError(f"commit first, the last commit is what is released: {changed[0][3:]} differs from it")
    revision, epoch = _git(repository, "log", "-1", "--format=%H %ct").decode().split()
    return Commit(revision, int(epoch))


def unpack(repository: Path, commit: Commit, directory: Path) -> None:
    """Write the files of a commit to a directory."""
    archive = _git(repository, "-c", "tar.umask=0022", "archive", "--format=tar", commit.revision)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        extract(tar, directory)


def _git(repository: Path, *words: str) -> bytes:
    done = subprocess.run(["git", *words], cwd=repository, capture_output=True, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"git {words[0]}: {done.stderr.decode().strip()}")
    return done.stdout
