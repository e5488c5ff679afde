"""The unit: what systemd says of it, and of each file that adds to it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from exporter.settings.keys import CONFIG_FLAG
from tests.deploy.manifests import DEPLOY, PORT, ROOT, settings_of
from tests.support import program

if TYPE_CHECKING:
    from pathlib import Path

SYSTEMD = DEPLOY / "systemd"
UNIT = "aerospike-memory-exporter.service"
ADDITIONS = sorted(path.stem for path in (SYSTEMD / "with").glob("*.conf"))
WORST = 2.0
"""The exposure that systemd calls OK at most: 0 is closed, 10 open."""


def _lines(path: Path) -> dict[str, list[str]]:
    """The values of each key of [Service], in order."""
    found: dict[str, list[str]] = {}
    section = path.read_text().split("[Service]", 1)[1].split("\n[", 1)[0]
    for key, value in re.findall(r"^(\w+)=(.*)$", section, re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def _variables(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in _lines(path).get("Environment", []))


def _installed(directory: Path, *additions: str) -> Path:
    """The unit with additions as it would be installed, but for the program."""
    text = (SYSTEMD / UNIT).read_text().replace("/opt/exporter/bin/aerospike-memory-exporter", "/bin/true")
    (directory / UNIT).write_text(text)
    added = directory / f"{UNIT}.d"
    added.mkdir()
    for name in additions:
        shutil.copy(SYSTEMD / "with" / f"{name}.conf", added)
    return directory / UNIT


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = [program("systemd-analyze", "systemd"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _exposure(unit: Path) -> float:
    done = _analyze("security", "--offline=yes", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


@pytest.mark.parametrize("additions", [(), *((name,) for name in ADDITIONS), tuple(ADDITIONS)], ids="+".join)
def test_systemd_accepts_it(tmp_path: Path, additions: tuple[str, ...]) -> None:
    done = _analyze("verify", "--man=no", str(_installed(tmp_path, *additions)))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_would_name_a_key_that_it_does_not_know(tmp_path: Path) -> None:
    unit = _installed(tmp_path, "smaps")
    addition = unit.parent / f"{UNIT}.d" / "smaps.conf"
    addition.write_text(addition.read_text() + "PrivateEverything=yes\n")
    assert "PrivateEverything" in _analyze("verify", "--man=no", str(unit)).stderr


def test_its_exposure_is_that_of_the_page_and_stays_so_with_a_password_and_a_directory(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    for number, additions in enumerate(((), ("jemalloc", "password"))):
        directory = tmp_path / str(number)
        directory.mkdir()
        assert _exposure(_installed(directory, *additions)) <= WORST
    version = re.search(r"^systemd (\d+)", _analyze("--version").stdout)
    assert version
    told = re.search(r"exposure of ([\d.]+) \(systemd (\d+)\)", page)
    assert told
    if version[1] == told[2]:
        assert _exposure(tmp_path / "0" / UNIT) == float(told[1])


def test_it_has_no_capability_and_one_only_where_smaps_are_read() -> None:
    unit = _lines(SYSTEMD / UNIT)
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == [""]
    for name in ADDITIONS:
        given = {key: value for key, value in _lines(SYSTEMD / "with" / f"{name}.conf").items() if "Capab" in key}
        wanted = {"CapabilityBoundingSet": ["CAP_SYS_PTRACE"], "AmbientCapabilities": ["CAP_SYS_PTRACE"]}
        assert given == (wanted if name == "smaps" else {})


def test_its_settings_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = _lines(SYSTEMD / UNIT)
    (start,) = unit["ExecStart"]
    exporter, *words = shlex.split(start)
    assert exporter == "/opt/exporter/bin/aerospike-memory-exporter"
    assert words == [CONFIG_FLAG, "/etc/exporter/exporter.toml"]
    chosen = settings_of(monkeypatch, {}, [CONFIG_FLAG, str(SYSTEMD / "exporter.toml")])
    assert chosen.web.listen_address == f":{PORT}"
    smaps = settings_of(monkeypatch, _variables(SYSTEMD / "with" / "smaps.conf")).sampler
    jemalloc = settings_of(monkeypatch, _variables(SYSTEMD / "with" / "jemalloc.conf")).sampler
    assert (smaps.smaps, smaps.jemalloc, jemalloc.smaps, jemalloc.jemalloc) == (True, False, False, True)
    (directory,) = _lines(SYSTEMD / "with" / "jemalloc.conf")["RuntimeDirectory"]
    assert str(jemalloc.jemalloc_directory) == f"/run/{directory}"


def test_the_comments_of_the_example_are_settings_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = tmp_path / "exporter.toml"
    whole.write_text(re.sub(r"^#(?=[a-z\[])", "", (SYSTEMD / "exporter.toml").read_text(), flags=re.MULTILINE))
    chosen = settings_of(monkeypatch, {}, [CONFIG_FLAG, str(whole)])
    (credential,) = _lines(SYSTEMD / "with" / "password.conf")["LoadCredential"]
    assert str(chosen.aerospike.password_file) == f"/run/credentials/{UNIT}/{credential.split(':')[0]}"
    (logs,) = _lines(SYSTEMD / UNIT)["LogsDirectory"]
    assert chosen.log.file is not None
    assert str(chosen.log.file.parent) == f"/var/log/{logs}"


def test_wrong_settings_are_not_tried_again_and_a_reload_is_a_hangup() -> None:
    unit = _lines(SYSTEMD / UNIT)
    assert unit["Restart"] == ["on-failure"]
    assert unit["RestartPreventExitStatus"] == ["2"]
    assert unit["ExecReload"] == ["/bin/sh -c 'kill -HUP $MAINPID'"]
