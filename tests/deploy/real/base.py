"""A base image where none can be pulled: Debian's Python by mmdebstrap, with the wheels that the lock files name.

The build of the image then needs no network.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.deploy.manifests import ROOT
from tests.deploy.real.engine import EngineError

if TYPE_CHECKING:
    from tests.deploy.real.engine import Engine

SUITE, PYTHON, GLIBC = "bookworm", "3.11", 36
"""A release of Debian, its Python, and the second number of its C library."""

LOCKS = ("requirements.lock", "requirements-build.lock")
PACKAGES = "python3,python3-venv,ca-certificates"
_PLATFORMS = [
    *(f"manylinux_2_{number}_{platform.machine()}" for number in range(5, GLIBC + 1)),
    *(f"manylinux{name}_{platform.machine()}" for name in ("1", "2010", "2014")),
]
_PIP_CONF = "[global]\nno-index = true\nfind-links = /wheelhouse\n"


def base(engine: Engine, directory: Path) -> tuple[str, bool]:
    """The image to build on, and whether the build needs the network; raises `EngineError`.

    It is the one that DEPLOY_BASE names, else one made here, which the engine keeps for the next time.
    """
    if given := os.environ.get("DEPLOY_BASE"):
        return given, True
    recipe = hashlib.sha256(b"".join((ROOT / lock).read_bytes() for lock in LOCKS) + Path(__file__).read_bytes())
    tag = f"localhost/aerospike-memory-exporter-base:{SUITE}-{recipe.hexdigest()[:12]}"
    if not engine.has(tag):
        _make(directory)
        # An engine that cannot run a step here is found out by the last one.
        (directory / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nRUN ["python", "-V"]\n')
        engine.build(directory, tag, {}, network=False)
    return tag, False


def _make(directory: Path) -> None:
    """The root as `base.tar`."""
    if not shutil.which("mmdebstrap"):
        raise EngineError("no base image: name one in DEPLOY_BASE, or install mmdebstrap to make one")
    wheels, conf = directory / "wheelhouse", directory / "pip.conf"
    for lock in LOCKS:
        where = [f"--platform={name}" for name in _PLATFORMS]
        where += ["--implementation=cp", f"--python-version={PYTHON}", "--only-binary=:all:", "--no-deps"]
        words = ["download", "--quiet", f"--dest={wheels}", "--require-hashes", *where, f"--requirement={ROOT / lock}"]
        _run(sys.executable, "-m", "pip", "--disable-pip-version-check", *words)
    conf.write_text(_PIP_CONF)
    hooks = (
        f"copy-in {wheels} /",
        f"copy-in {conf} /etc",
        # Programs called python and pip, and not under Debian's care: as in Python's own image.
        'chroot "$1" python3 -m venv /usr/local',
    )
    given = [f"--customize-hook={hook}" for hook in hooks]
    _run(
        "mmdebstrap", "--quiet", "--variant=essential", f"--include={PACKAGES}", *given, SUITE, f"{directory}/base.tar"
    )


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise EngineError(f"no base image: {command[0]}: {done.stderr.strip()[-500:]}")
