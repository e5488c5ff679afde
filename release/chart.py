"""The Helm charts as archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from exporter import __version__
from release.archive import files, write_tar
from release.errors import ReleaseError

if TYPE_CHECKING:
    from pathlib import Path


def write_charts(source: Path, target: Path, epoch: int) -> None:
    """Pack each chart of a source to a directory, as `helm package` does, which notes the time of the packing.

    Raises `ReleaseError` where a chart has another version.
    """
    for described in sorted(source.glob("deploy/helm/**/Chart.yaml")):
        chart = yaml.safe_load(described.read_text())
        name, version = chart["name"], str(chart["version"])
        if {version, str(chart["appVersion"])} != {__version__}:
            raise ReleaseError(f"{described.relative_to(source)}: version and appVersion are not {__version__}")
        members = {f"{name}/{inside}": path for inside, path in files(described.parent).items()}
        write_tar(target / f"{name}-{version}.tgz", members, epoch)
