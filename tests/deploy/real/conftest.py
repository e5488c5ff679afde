"""The engine, the image that it built, and a node for its containers to read."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from exporter import __version__
from exporter.demo.node import EmbeddedNode
from tests.deploy.manifests import ROOT
from tests.deploy.real.base import base
from tests.deploy.real.engine import Engine, EngineError, engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REVISION = "0123456789abcdef0123456789abcdef01234567"
SOURCE = "https://example.com/source"
COPIED = ("Dockerfile", ".dockerignore", "pyproject.toml", "setup.py", "README.md", "LICENSE", "exporter", "deploy")


def checkout(directory: Path) -> Path:
    """Copy what is built to a directory, as a checkout under umask 077 has it."""
    directory.mkdir(exist_ok=True)
    for part in (*COPIED, *(path.name for path in ROOT.glob("requirements*.lock"))):
        whole = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        whole(ROOT / part, directory / part)
    subprocess.run(["chmod", "-R", "go-rwx", str(directory)], check=True)
    return directory


class Image(NamedTuple):
    """What was built, and the engine that has it."""

    engine: Engine
    name: str


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of a checkout that was made under umask 077."""
    found = engine()
    if found is None:
        pytest.skip("needs a container engine that answers: docker, podman or buildah")
    try:
        name, network = base(found, tmp_path_factory.mktemp("base"))
    except EngineError as problem:
        if os.environ.get("DEPLOY_BASE"):
            raise
        pytest.skip(str(problem))
    source = checkout(tmp_path_factory.mktemp("checkout"))
    image = Image(found, f"aerospike-memory-exporter:{__version__}")
    found.build(source, image.name, {"BASE": name, "SOURCE": SOURCE, "REVISION": REVISION}, network=network)
    return image


@pytest.fixture(scope="session")
def image(built: Image) -> Image:
    """The same, where the engine runs containers, too."""
    if not built.engine.runs:
        pytest.skip(f"{built.engine.name} builds, and needs docker or podman to run what it built")
    done = built.engine.ask("run", "--rm", "--network=host", built.name, "--help")
    if done.returncode != 0 and not os.environ.get("DEPLOY_ENGINE"):
        pytest.skip(f"{built.engine.name} runs no container here: {done.stderr.strip().splitlines()[-1]}")
    return built


@pytest.fixture(scope="session")
def node() -> Iterator[EmbeddedNode]:
    """A node on this host's loopback."""
    with EmbeddedNode(speed=60) as node:
        yield node
