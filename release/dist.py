"""Everything that a release consists of, in one directory."""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import exporter
from release import image
from release.archive import extract, sums, write_tar
from release.bom import Component, bom, installed, locked, required
from release.chart import write_charts
from release.errors import ReleaseError
from release.packages import source_distribution, wheel
from release.source import Commit, last_commit, unpack

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMS = "SHA256SUMS"
MONITORING = ("LICENSE", "dashboards/*.json", "deploy/alertmanager/*", "deploy/grafana/**/*", "deploy/prometheus/*.yml")
"""What Prometheus, Alertmanager and Grafana read, and nothing that makes or tests it."""


def make(repository: Path, target: Path, *, base: str | None, engine: str | None) -> list[str]:
    """Write a release of the last commit to an empty directory, and say in lines what is in it and what was left out.

    The base is that of the image, else the one that its Dockerfile names; without an engine there is no image. Raises
    `ReleaseError`.
    """
    if target.exists() and any(target.iterdir()):
        raise ReleaseError(f"{target} is not empty")
    target.mkdir(parents=True, exist_ok=True)
    commit = last_commit(repository)
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary, "source")
        unpack(repository, commit, source)
        stem = f"{exporter.NAME}-{exporter.__version__}"
        packed = source_distribution(source, target, commit.epoch)
        # From what is in the other, as pip would, so that nothing is missing there.
        wheel(_unpacked(packed, Path(temporary, "from-sdist")), target, commit.epoch)
        write_tar(target / f"{stem}-monitoring.tar.gz", _monitoring(source, stem), commit.epoch)
        (target / f"{stem}.cdx.json").write_text(_bom(source, commit.epoch))
        write_charts(source, target, commit.epoch)
        notes = _image(source, target, commit, base=base, engine=engine)
    (target / SUMS).write_text(sums(target.iterdir()))
    return [*(path.name for path in sorted(target.iterdir())), *notes]


def _image(source: Path, target: Path, commit: Commit, *, base: str | None, engine: str | None) -> list[str]:
    """Write the image, or say why there is none. One on a base that was asked for must be there."""
    if engine is None:
        return [f"No image: it was not wanted, or none of {', '.join(image.ENGINES)} answers here."]
    arguments = {"SOURCE": exporter.PROJECT_URL or "", "REVISION": commit.revision}
    arguments |= {"BASE": base} if base else {}
    path = target / image.file_name(exporter.NAME, exporter.__version__)
    try:
        image.write_image(engine, source, f"{exporter.NAME}:{exporter.__version__}", arguments, path, commit.epoch)
    except ReleaseError as problem:
        if base:
            raise
        return [f"No image: {problem}"]
    return [] if engine != "docker" else ["Docker's image has the times of its making; a second one will differ."]


def _unpacked(packed: Path, directory: Path) -> Path:
    """The one directory of an archive that was made here."""
    with tarfile.open(packed) as tar:
        extract(tar, directory)
    (top,) = directory.iterdir()
    return top


def _monitoring(source: Path, stem: str) -> Mapping[str, Path]:
    """The rules, the routes and the dashboards by their names in the archive."""
    found = [path for pattern in MONITORING for path in source.glob(pattern) if path.is_file()]
    return {f"{stem}-monitoring/{path.relative_to(source)}": path for path in found}


def _bom(source: Path, epoch: int) -> str:
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    root = Component(exporter.NAME, exporter.__version__, required(project["dependencies"]), project["license"])
    return bom(root, installed(locked((source / "requirements.lock").read_text())), epoch)
