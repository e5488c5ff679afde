"""The image as an archive, by the container engine at hand."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING

from release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    if engine != "docker":
        # Docker's format, because that of the OCI has no health check.
        given += ["--format=docker", f"--timestamp={epoch}"]
    _tell(engine, "build", *given, f"--tag={tag}", str(source))
    with TemporaryDirectory() as temporary:
        saved = Path(temporary, "image.tar")
        if engine == "buildah":
            _tell(engine, "push", "--quiet", tag, f"docker-archive:{saved}")
        else:
            _tell(engine, "save", f"--output={saved}", tag)
        repack(saved, tag, target, epoch)


def repack(saved: Path, tag: str, target: Path, epoch: int) -> None:
    """Write the one image of a `docker save` anew, without what differs from build to build: the container's id.

    It is not compressed: Podman 4.3 and Buildah 1.28, those of Debian 12, read no archive that is.
    """
    with (
        tarfile.open(saved) as engines,
        tarfile.open(target, mode="w", format=tarfile.PAX_FORMAT) as ours,
    ):
        (manifest,) = json.loads(_member(engines, "manifest.json").read())
        config = json.loads(_member(engines, manifest["Config"]).read())
        config.pop("container", None)
        text = json.dumps(config, sort_keys=True).encode()
        layers = [f"{digest.removeprefix('sha256:')}.tar" for digest in config["rootfs"]["diff_ids"]]
        name = f"{hashlib.sha256(text).hexdigest()}.json"
        for layer, content in zip(layers, manifest["Layers"], strict=True):
            _add(ours, layer, _member(engines, content), epoch)
        _add(ours, name, io.BytesIO(text), epoch)
        manifests = json.dumps([{"Config": name, "Layers": layers, "RepoTags": [tag]}]).encode()
        _add(ours, "manifest.json", io.BytesIO(manifests), epoch)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise ReleaseError(f"the saved image has no file {name}")
    return found


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], epoch: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = content.seek(0, io.SEEK_END), epoch
    content.seek(0)
    archive.addfile(member, content)


def _tell(*command: str) -> None:
    done = _run(*command)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ReleaseError(f"{' '.join(command[:2])}: {''.join(last)}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
