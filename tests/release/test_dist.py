"""A release has all that it should, and is the same a second time."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter import NAME, __version__
from release.archive import extract
from release.dist import SUMS, make
from release.errors import ReleaseError
from tests.release.conftest import EPOCH, ROOT, git

if TYPE_CHECKING:
    from tests.release.conftest import Release

SDIST, WHEEL, MONITORING = "*.tar.gz", "*.whl", "*-monitoring.tar.gz"
STEM = f"aerospike_memory_exporter-{__version__}"


def names(archive: Path) -> set[str]:
    """The members of an archive without its one directory."""
    with tarfile.open(archive) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}


@pytest.fixture(scope="session")
def unpacked(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution as who downloads it has it."""
    directory = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(release.directory / f"{STEM}.tar.gz") as tar:
        extract(tar, directory)
    return directory / STEM


def test_it_consists_of_packages_rules_and_dashboards_and_the_bill_of_materials(release: Release) -> None:
    expected = {f"{STEM}.tar.gz", f"{STEM}-py3-none-any.whl", SUMS}
    expected |= {f"{NAME}-{__version__}-monitoring.tar.gz", f"{NAME}-{__version__}.cdx.json"}
    expected |= {f"{NAME}-{__version__}.tgz"} if any(ROOT.glob("deploy/helm/**/Chart.yaml")) else set()
    assert {path.name for path in release.directory.iterdir()} == expected
    assert release.said[:-1] == sorted(expected)
    assert release.said[-1].startswith("No image: ")


def test_a_second_release_is_the_same_byte_for_byte(release: Release, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(release.repository), "elsewhere")
    before = os.umask(0o077)
    try:
        make(tmp_path / "elsewhere", tmp_path / "dist", base=None, engine=None)
    finally:
        os.umask(before)
    assert (tmp_path / "dist" / SUMS).read_text() == (release.directory / SUMS).read_text()


def test_the_sums_are_those_of_all_files(release: Release) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", SUMS], cwd=release.directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == len(list(release.directory.iterdir())) - 1


def test_every_file_of_the_commit_is_in_the_source_distribution(release: Release) -> None:
    packed = names(release.directory / f"{STEM}.tar.gz")
    assert set(git(release.repository, "ls-files").splitlines()) - packed == set()


def test_files_are_of_the_commit_s_time_and_nobody_s(release: Release) -> None:
    for archive in release.directory.glob(SDIST):
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
        assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(EPOCH, 0, 0, "")}
        assert {member.mode for member in members} <= {0o644, 0o755}
        assert [member.name for member in members] == sorted(member.name for member in members)


@pytest.mark.timeout(300)
def test_its_tests_run_from_the_unpacked_source(unpacked: Path) -> None:
    some = (
        "tests/test_layers.py",
        "tests/docs/test_contributing.py",
        "tests/deploy/test_runbooks.py",
        "tests/test_figures.py",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *some],
        cwd=unpacked,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_wheel_is_every_module_of_the_exporter_and_nothing_else(release: Release) -> None:
    with zipfile.ZipFile(release.file(WHEEL)) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    listed = git(release.repository, "ls-files", "exporter").splitlines()
    assert inside == {name for name in listed if name.endswith((".py", "py.typed"))}


def test_the_wheel_runs_as_it_is(release: Release, tmp_path: Path) -> None:
    with zipfile.ZipFile(release.file(WHEEL)) as wheel:
        wheel.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", "from exporter.cli import main; main(['--version'])"],
        cwd="/",
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{NAME} {__version__}\n", "")


def test_the_wheel_says_which_version_it_is_and_what_it_needs(release: Release) -> None:
    with zipfile.ZipFile(release.file(WHEEL)) as wheel:
        said = message_from_string(wheel.read(f"{STEM}.dist-info/METADATA").decode())
    assert (said["Name"], said["Version"], said["License-Expression"]) == (NAME, __version__, "MIT")
    assert len(said.get_all("Requires-Dist", [])) == 10


def test_rules_routes_and_dashboards_are_there_and_no_tests(release: Release) -> None:
    packed = names(release.file(MONITORING))
    assert {f"dashboards/{path.name}" for path in ROOT.glob("dashboards/*.json")} <= packed
    assert {f"deploy/prometheus/{path.name}" for path in ROOT.glob("deploy/prometheus/*.yml")} <= packed
    assert "deploy/alertmanager/alertmanager.yml" in packed
    assert not any(name.endswith(".py") or "/tests/" in name for name in packed)


def test_what_is_not_committed_is_not_released(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(repository), "changed")
    with (tmp_path / "changed/README.md").open("a") as page:
        page.write("More.\n")
    with pytest.raises(ReleaseError, match=r"^commit first, .*: README\.md differs from it$"):
        make(tmp_path / "changed", tmp_path / "dist", base=None, engine=None)


def test_a_directory_that_is_no_repository_or_not_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    with pytest.raises(ReleaseError, match=r"^git status: .*not a git repository"):
        make(Path("/"), tmp_path / "dist", base=None, engine=None)
    (tmp_path / "dist/old.whl").touch()
    with pytest.raises(ReleaseError, match=r"/dist is not empty$"):
        make(Path("/"), tmp_path / "dist", base=None, engine=None)
