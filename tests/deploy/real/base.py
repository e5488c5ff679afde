"""A base image where none can be pulled: Debian's Python by mmdebstrap, with the wheels that the lock files name.

The build of the image then needs no network.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.deploy.manifests import ROOT
from tests.deploy.real import debian
from tests.deploy.real.engine import EngineError

if TYPE_CHECKING:
    from tests.deploy.real.engine import Engine

PACKAGES = ("python3", "python3-venv", "ca-certificates")


def base(engine: Engine, directory: Path) -> tuple[str, bool]:
    """The image to build on, and whether the build needs the network; raises `EngineError`.

    It is the one that DEPLOY_BASE names, else one made here, which the engine keeps for the next time.
    """
    if given := os.environ.get("DEPLOY_BASE"):
        return given, True
    made_of = [*(ROOT / lock for lock in debian.LOCKS), Path(__file__), Path(debian.__file__)]
    recipe = hashlib.sha256(b"".join(path.read_bytes() for path in made_of))
    tag = f"localhost/aerospike-memory-exporter-base:{debian.SUITE}-{recipe.hexdigest()[:12]}"
    if not engine.has(tag):
        try:
            _make(directory)
        except debian.RootError as problem:
            raise EngineError(f"no base image, and DEPLOY_BASE names none: {problem}") from None
        # An engine that cannot run a step here is found out by the last one.
        (directory / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nRUN ["python", "-V"]\n')
        engine.build(directory, tag, {}, network=False)
    return tag, False


def _make(directory: Path) -> None:
    """The root as `base.tar`."""
    wheels, conf = directory / debian.WHEELHOUSE[1:], directory / "pip.conf"
    debian.wheels(wheels)
    conf.write_text(debian.PIP_CONF)
    hooks = (
        f"copy-in {wheels} /",
        f"copy-in {conf} /etc",
        # Programs called python and pip, and not under Debian's care: as in Python's own image.
        'chroot "$1" python3 -m venv /usr/local',
    )
    debian.root(directory / "base.tar", PACKAGES, hooks)
