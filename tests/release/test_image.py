"""What an engine saved is packed anew, so that two builds of the same layers are one archive."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from release.image import repack

if TYPE_CHECKING:
    from pathlib import Path

TAG = "aerospike-memory-exporter:1.2.3"
LAYERS = (b"base", b"exporter" * 1000)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _saved(path: Path, container: str, mtime: int, prefix: str) -> Path:
    """An archive as engines write it: with a container's name, a time, and paths of their own."""
    config = {
        "container": container,
        "config": {"User": "65534:65534"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}" for layer in LAYERS]},
    }
    members = {f"{prefix}{number}": layer for number, layer in enumerate(LAYERS)}
    manifest = [{"Config": "config.json", "RepoTags": ["localhost/x:y"], "Layers": list(members)}]
    members |= {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), mtime
            tar.addfile(member, io.BytesIO(data))
    return path


def test_two_builds_of_the_same_layers_are_the_same_archive(tmp_path: Path) -> None:
    repack(_saved(tmp_path / "a.tar", "abc", 1, "blobs/"), TAG, tmp_path / "packed-a.tar", 7)
    repack(_saved(tmp_path / "b.tar", "def", 2, "layers/"), TAG, tmp_path / "packed-b.tar", 7)
    assert (tmp_path / "packed-a.tar").read_bytes() == (tmp_path / "packed-b.tar").read_bytes()


def test_it_is_what_docker_load_reads(tmp_path: Path) -> None:
    repack(_saved(tmp_path / "a.tar", "abc", 1, "blobs/"), TAG, tmp_path / "packed-a.tar", 7)
    # Mode "r:" reads no compressed one: Podman and Buildah of Debian 12 do not, either.
    with tarfile.open(tmp_path / "packed-a.tar", "r:") as tar:
        members = {name: found.read() for name in tar.getnames() if (found := tar.extractfile(name))}
    (manifest,) = json.loads(members["manifest.json"])
    assert manifest["RepoTags"] == [TAG]
    assert [members[name] for name in manifest["Layers"]] == list(LAYERS)
    assert manifest["Config"] == f"{_digest(members[manifest['Config']])}.json"
    config: dict[str, Any] = json.loads(members[manifest["Config"]])
    assert config["config"] == {"User": "65534:65534"}
    assert "container" not in config
