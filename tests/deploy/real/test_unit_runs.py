"""The unit, under a systemd that was booted for it: installed as the page says, beside the embedded node as its server.

It needs root's rights, Debian's `systemd-container`, and a root: the directory that DEPLOY_ROOT names, a Debian 12 with
systemd and python3-venv, which is not written to, or one made with mmdebstrap.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.deploy.manifests import DEPLOY, ROOT
from tests.deploy.real import debian
from tests.deploy.real.conftest import checkout
from tests.deploy.real.machine import BootError, Machine, booted
from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

UNIT = "aerospike-memory-exporter.service"
ADDED = f"/etc/systemd/system/{UNIT}.d"
SETTINGS, PASSWORD = "/etc/exporter/exporter.toml", "/etc/exporter/password"
LOGS = "/var/log/aerospike-memory-exporter"
SECRET = "simulation"
"""The password of `tests.logins.EXAMPLE_USERS`."""

SERVER = """[Service]
ExecStart=/opt/exporter/bin/python -m tests.deploy.real.stand_in
WorkingDirectory=/
"""
PACKAGES = ("python3", "python3-venv", "systemd")
WRITABLE = {"/dev/mqueue", "/dev/shm", "/run/lock", "/tmp", "/var/tmp", "/var/log/private/aerospike-memory-exporter"}
"""Directories that the exporter's user can write to in its view: /tmp and /var/tmp are its own."""

LIST_WRITABLE = """find / -path /proc -prune -o -path /sys -prune -o -type d -print 2>/dev/null | while read -r each
do if touch "$each/written-by-test" 2>/dev/null; then rm "$each/written-by-test"; echo "$each"; fi; done"""
WORKERS = """[Service]
ExecStart=
ExecStart=/opt/exporter/bin/python -Ic 'import multiprocessing as m; \\
    c = m.get_context("forkserver"); p = c.Process(target=print, args=("a worker ran",)); p.start(); p.join()'
"""


def _block(page: str, heading: str) -> str:
    """The first block of commands below a heading of a page."""
    return re.split(r"^```$", (ROOT / page).read_text().split(f"## {heading}\n", 1)[1], flags=re.MULTILINE)[1]


def _settings(level: str = "info") -> str:
    """The example with the login that its comments have."""
    text = re.sub(
        r"^#(?=user|password_file)", "", (DEPLOY / "systemd" / "exporter.toml").read_text(), flags=re.MULTILINE
    )
    return f'{text}\n[log]\nlevel = "{level}"\n'


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One with the exporter, installed as the README and the page say, and a server."""
    if os.geteuid() != 0 or not shutil.which("systemd-nspawn"):
        pytest.skip("needs root and systemd-nspawn, Debian's systemd-container")
    directory, given = tmp_path_factory.mktemp("machine"), os.environ.get("DEPLOY_ROOT")
    wheelhouse, root = directory / "wheelhouse", Path(given or directory / "root")
    with contextlib.ExitStack() as ending:
        try:
            if not given:
                debian.root(root, PACKAGES)
            debian.wheels(wheelhouse)
            binds = {wheelhouse: debian.WHEELHOUSE, TESTS: "/tests", checkout(directory / "checkout"): "/checkout"}
            machine = ending.enter_context(booted(root, directory / "log", binds))
        except (debian.RootError, BootError) as problem:
            if given:
                raise
            pytest.skip(str(problem))
        _install(machine)
        yield machine


def _install(machine: Machine) -> None:
    """The commands of the README and of the page, with a server and its password before the last of them."""
    machine.write("/etc/pip.conf", debian.PIP_CONF)
    machine.tell("cp", "-r", "/checkout", "/src")
    install = _block("README.md", "Point it at a node").split("/opt/exporter/bin/aerospike-memory-exporter")[0]
    machine.tell("sh", "-ec", install, cwd="/src")
    machine.write("/etc/systemd/system/aerospike.service", SERVER)
    machine.tell("systemctl", "start", "aerospike")
    # The simulation goes in steps of seconds, so that its uptime does not tell which process it is.
    pid = machine.tell("systemctl", "show", "--property=MainPID", "--value", "aerospike").strip()
    machine.write(f"{ADDED}/stand-in.conf", f"[Service]\nEnvironment=AMX_PROCESS__PID={pid}\n")
    machine.tell("install", "-D", "-m", "600", "/dev/stdin", PASSWORD, text=f"{SECRET}\n")
    machine.tell("sh", "-ec", _block("docs/deploy.md", "systemd"), cwd="/src")


@pytest.fixture
def unit(machine: Machine) -> Iterator[Machine]:
    """The same with the unit as installed, up, and reading its node; whatever happens there is no stack trace."""
    machine.write(SETTINGS, _settings())
    machine.tell("systemctl", "restart", UNIT)
    machine.wait(lambda: machine.metrics().get("up") == 1)
    yield machine
    assert "Traceback" not in machine.tell("journalctl", "--no-pager", f"--unit={UNIT}")
    machine.ask("systemctl", "reset-failed", UNIT)


@contextlib.contextmanager
def _added(machine: Machine, name: str, text: str) -> Iterator[None]:
    """With a file that adds to the unit, and the unit started anew."""
    machine.write(f"{ADDED}/{name}.conf", text)
    try:
        machine.tell("systemctl", "daemon-reload")
        machine.tell("systemctl", "restart", UNIT)
        yield
    finally:
        machine.tell("rm", f"{ADDED}/{name}.conf")
        machine.tell("systemctl", "daemon-reload")


def _property(machine: Machine, name: str) -> str:
    return machine.tell("systemctl", "show", f"--property={name}", "--value", UNIT).strip()


def _journal(machine: Machine) -> str:
    """What the last start of the unit has said, and systemd of it."""
    machine.tell("journalctl", "--sync")
    start = _property(machine, "InvocationID")
    return machine.tell("journalctl", "--no-pager", f"_SYSTEMD_INVOCATION_ID={start}", "+", f"INVOCATION_ID={start}")


def test_it_reads_the_node_and_its_process_with_the_password_that_it_was_handed(unit: Machine) -> None:
    metrics = unit.metrics()
    assert metrics['process_resident_bytes{kind="anonymous"}'] > 0
    assert not [name for name in metrics if name.startswith("scrape_collector_success") and not metrics[name]]
    assert "listens on" in _journal(unit)
    shown = unit.tell("systemctl", "show", UNIT) + _journal(unit)
    for file in ("cmdline", "environ"):
        shown += unit.tell("cat", f"/proc/{_property(unit, 'MainPID')}/{file}")
    assert SECRET not in shown


def test_it_has_no_privilege_and_systemd_says_so_of_what_runs(unit: Machine) -> None:
    status = unit.tell("cat", f"/proc/{_property(unit, 'MainPID')}/status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert len(set(lines["Uid"].split())) == 1
    assert int(lines["Uid"].split()[0]) >= 61184  # the numbers of dynamic users begin here
    assert {int(lines[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (lines["NoNewPrivs"], lines["Seccomp"]) == ("1", "2")
    told = re.search(r"exposure of ([\d.]+) \(systemd (\d+)\)", (ROOT / "docs" / "deploy.md").read_text())
    assert told
    said = unit.tell("systemd-analyze", "security", "--no-pager", UNIT)
    if f"systemd {told[2]} " in unit.tell("systemctl", "--version"):
        assert f"Overall exposure level for {UNIT}: {told[1]} OK" in said


def test_it_can_write_nothing_that_stays_but_in_the_directory_of_its_log(unit: Machine) -> None:
    pid = _property(unit, "MainPID")
    user = unit.tell("stat", "--format=%u", f"/proc/{pid}").strip()
    entered = ("nsenter", f"--target={pid}", "--mount", f"--setuid={user}", f"--setgid={user}")
    assert set(unit.tell(*entered, "sh", "-c", LIST_WRITABLE).split()) == WRITABLE


def test_a_log_of_its_own_is_written_and_no_other_can_be(unit: Machine) -> None:
    unit.write(SETTINGS, _settings() + f'file = "{LOGS}/exporter.log"\n')
    unit.tell("systemctl", "restart", UNIT)
    unit.wait(lambda: "listens on" in unit.ask("cat", f"{LOGS}/exporter.log").stdout)
    unit.write(SETTINGS, _settings() + 'file = "/var/lib/exporter.log"\n')
    unit.tell("systemctl", "restart", UNIT)
    unit.wait(lambda: _property(unit, "ActiveState") == "failed")
    assert "log.file: cannot write /var/lib/exporter.log: Read-only file system" in _journal(unit)


def test_a_reload_reads_the_settings_again_and_keeps_the_old_where_they_are_wrong(unit: Machine) -> None:
    pid = _property(unit, "MainPID")
    one_set = 'set_objects{ns="orders",set="order"}'
    assert one_set in unit.metrics()
    unit.write(SETTINGS, _settings().replace("[web]", "[collector.sets]\nlargest = 0\n[web]"))
    unit.tell("systemctl", "reload", UNIT)
    unit.wait(lambda: "the settings were read again" in _journal(unit))
    assert one_set not in unit.metrics()
    unit.write(SETTINGS, _settings("loud"))
    unit.tell("systemctl", "reload", UNIT)
    unit.wait(lambda: "the old ones go on" in _journal(unit))
    assert "log.level" in _journal(unit)
    assert unit.metrics()["up"] == 1
    assert _property(unit, "MainPID") == pid


def test_it_stops_within_two_seconds(unit: Machine) -> None:
    start = time.monotonic()
    unit.tell("systemctl", "stop", UNIT)
    assert time.monotonic() - start < 2
    ended = ("ActiveState", "inactive"), ("Result", "success"), ("ExecMainStatus", "0")
    assert [(name, _property(unit, name)) for name, _ in ended] == [*ended]


def test_it_is_back_after_it_was_killed(unit: Machine) -> None:
    pid = _property(unit, "MainPID")
    unit.tell("systemctl", "kill", "--signal=KILL", UNIT)
    unit.wait(lambda: _property(unit, "MainPID") not in ("0", pid) and unit.metrics().get("up") == 1)
    assert _property(unit, "NRestarts") == "1"


def test_with_wrong_settings_it_ends_with_their_name_and_is_not_tried_again(unit: Machine) -> None:
    unit.write(SETTINGS, _settings("loud"))
    unit.tell("systemctl", "restart", UNIT)
    unit.wait(lambda: _property(unit, "ActiveState") == "failed")
    assert [_property(unit, name) for name in ("ExecMainStatus", "NRestarts")] == ["2", "0"]
    assert "log.level" in _journal(unit)


def test_a_password_that_is_missing_is_seen_in_the_state(unit: Machine) -> None:
    unit.tell("mv", PASSWORD, f"{PASSWORD}.away")
    try:
        unit.ask("systemctl", "restart", UNIT)
        unit.wait(lambda: _property(unit, "ExecMainStatus") == "243")
        assert "status=243/CREDENTIALS" in unit.ask("systemctl", "status", "--no-pager", UNIT).stdout
    finally:
        unit.tell("mv", f"{PASSWORD}.away", PASSWORD)


def test_with_smaps_it_sees_the_memory_areas_of_another_users_process(unit: Machine) -> None:
    assert "map_areas" not in unit.metrics()
    with _added(unit, "smaps", (DEPLOY / "systemd" / "with" / "smaps.conf").read_text()):
        unit.wait(lambda: {"map_areas", 'map_resident_bytes{region="program"}'} <= unit.metrics().keys())


def test_with_jemalloc_the_server_writes_where_the_exporter_reads(unit: Machine) -> None:
    with _added(unit, "jemalloc", (DEPLOY / "systemd" / "with" / "jemalloc.conf").read_text()):
        unit.wait(lambda: any(name.startswith("heap_bin_allocated_bytes") for name in unit.metrics()))


def test_it_may_start_worker_processes(unit: Machine) -> None:
    with _added(unit, "workers", WORKERS):
        unit.wait(lambda: _property(unit, "ActiveState") == "inactive")
        assert "a worker ran" in _journal(unit)
