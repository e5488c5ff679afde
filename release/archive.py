"""Archives whose bytes depend on nothing but names, contents and a time."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def files(directory: Path) -> dict[str, Path]:
    """All files below a directory by their path from it."""
    return {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}


def write_tar(target: Path, members: Mapping[str, Path], epoch: int) -> None:
    """Write a .tar.gz of files by their name in it: sorted, owned by root, of one time, executable or not."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in sorted(members.items()):
            data = path.read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), epoch
            member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(data))
    target.write_bytes(gzip.compress(tar.getvalue(), mtime=epoch))


def extract(archive: tarfile.TarFile, directory: Path) -> None:
    """Write the members of an archive to a directory."""
    # As the standard library's own documentation has it; the first patches of Python 3.10 and 3.11 have no filter.
    archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
    archive.extractall(directory)  # noqa: S202 what git or setuptools has just written


def sums(paths: Iterable[Path]) -> str:
    """The SHA-256 of files, as `sha256sum --check` reads it."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(paths, key=lambda path: path.name)
    )
