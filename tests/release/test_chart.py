"""A Helm chart is packed as Helm expects it."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from exporter import NAME, __version__
from release.chart import write_charts
from release.errors import ReleaseError

if TYPE_CHECKING:
    from pathlib import Path


def _chart(source: Path, version: str) -> None:
    chart = source / "deploy/helm" / NAME
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(f"name: {NAME}\nversion: {version}\nappVersion: {__version__}\n")
    (chart / "templates/service.yaml").write_text("kind: Service\n")


def test_a_chart_is_packed_below_its_name(tmp_path: Path) -> None:
    _chart(tmp_path, __version__)
    write_charts(tmp_path, tmp_path, 1)
    with tarfile.open(tmp_path / f"{NAME}-{__version__}.tgz") as tar:
        assert tar.getnames() == [f"{NAME}/Chart.yaml", f"{NAME}/templates/service.yaml"]


def test_without_a_chart_nothing_is_written(tmp_path: Path) -> None:
    write_charts(tmp_path, tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_chart_of_another_version_is_named(tmp_path: Path) -> None:
    _chart(tmp_path, "9.9.9")
    with pytest.raises(ReleaseError, match=rf"^deploy/helm/{NAME}/Chart\.yaml: version and appVersion are not "):
        write_charts(tmp_path, tmp_path, 1)
