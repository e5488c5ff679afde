"""The wheel and the source distribution."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from release.archive import extract, files, write_tar
from release.errors import ReleaseError

if TYPE_CHECKING:
    from pathlib import Path


def source_distribution(source: Path, target: Path, epoch: int) -> Path:
    """Write the .tar.gz of a source to a directory, packed anew, because setuptools notes when and by whom."""
    made = _build("sdist", source, target, epoch)
    unpacked = source.parent / "unpacked"
    with tarfile.open(made) as tar:
        extract(tar, unpacked)
    write_tar(made, files(unpacked), epoch)
    return made


def wheel(source: Path, target: Path, epoch: int) -> Path:
    """Write the wheel of a source to a directory."""
    return _build("wheel", source, target, epoch)


def _build(what: str, source: Path, target: Path, epoch: int) -> Path:
    """What setuptools of this environment, which is pinned, makes of a source; raises `ReleaseError`."""
    code = f"import sys; from setuptools.build_meta import build_{what} as build; build(sys.argv[1])"
    before = set(target.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)],
        cwd=source,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        capture_output=True,
        text=True,
        umask=0o022,
        check=False,
    )
    if done.returncode != 0:
        raise ReleaseError(f"{what}: {(done.stderr.strip().splitlines() or ['setuptools said nothing'])[-1]}")
    (made,) = set(target.iterdir()) - before
    return made
