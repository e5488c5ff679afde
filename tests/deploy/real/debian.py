"""What is made of Debian's archive where nothing can be pulled: a root, and the wheels that its Python installs."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.deploy.manifests import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SUITE, PYTHON, GLIBC = "bookworm", "3.11", 36
"""A release of Debian, its Python, and the second number of its C library."""

LOCKS = ("requirements.lock", "requirements-build.lock")
WHEELHOUSE = "/wheelhouse"
"""Where the root has the wheels."""

PIP_CONF = f"[global]\nno-index = true\nfind-links = {WHEELHOUSE}\n"
"""Pip then needs no network."""

_PLATFORMS = [
    *(f"manylinux_2_{number}_{platform.machine()}" for number in range(5, GLIBC + 1)),
    *(f"manylinux{name}_{platform.machine()}" for name in ("1", "2010", "2014")),
]


class RootError(Exception):
    """There is no root, and why."""


def wheels(directory: Path) -> None:
    """Download what the lock files name; raises `RootError`."""
    for lock in LOCKS:
        where = [f"--platform={name}" for name in _PLATFORMS]
        where += ["--implementation=cp", f"--python-version={PYTHON}", "--only-binary=:all:", "--no-deps"]
        words = ["download", "--quiet", f"--dest={directory}", "--require-hashes", *where]
        _run(sys.executable, "-m", "pip", "--disable-pip-version-check", *words, f"--requirement={ROOT / lock}")


def root(target: Path, packages: Sequence[str], hooks: Sequence[str] = ()) -> None:
    """Make a root, a directory or an archive by its name, with packages and what hooks add; raises `RootError`."""
    if not shutil.which("mmdebstrap"):
        raise RootError("needs mmdebstrap to make a root of Debian's packages")
    given = [f"--include={','.join(packages)}", *(f"--customize-hook={hook}" for hook in hooks)]
    _run("mmdebstrap", "--quiet", "--variant=essential", *given, SUITE, str(target))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise RootError(f"{command[0]}: {done.stderr.strip()[-500:]}")
