"""The image as an archive, by the container engine at hand."""

from __future__ import annotations

import platform
import shutil
import subprocess
from typing import TYPE_CHECKING

from release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENGINES = ("buildah", "podman", "docker")
"""The first two give every file of their layers one time, so that a second build is the same byte for byte."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def engine() -> str | None:
    """The first engine that answers."""
    return next((name for name in ENGINES if shutil.which(name) and _run(name, "info").returncode == 0), None)


def file_name(name: str, version: str) -> str:
    """The archive's, with the platform of this machine, whose image it is."""
    machine = platform.machine()
    return f"{name}-{version}-image-linux-{_MACHINES.get(machine, machine)}.tar"


def write_image(engine: str, source: Path, tag: str, arguments: Mapping[str, str], target: Path, epoch: int) -> None:
    """Build the Dockerfile of a source, and write the image for `docker load`; raises `ReleaseError`."""
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    if engine == "docker":
        _tell(engine, "build", *given, f"--tag={tag}", str(source))
        _tell(engine, "save", f"--output={target}", tag)
        return
    # Docker's format, because that of the OCI has no health check.
    _tell(engine, "build", "--format=docker", f"--timestamp={epoch}", *given, f"--tag={tag}", str(source))
    if engine == "podman":
        _tell(engine, "save", "--quiet", "--format=docker-archive", f"--output={target}", tag)
    else:
        _tell(engine, "push", "--quiet", tag, f"docker-archive:{target}:{tag}")


def _tell(*command: str) -> None:
    done = _run(*command)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ReleaseError(f"{' '.join(command[:2])}: {''.join(last)}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
