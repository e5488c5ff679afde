"""What docs/deploy.md says of permissions, tried on the kernel: who may read the smaps of another's process."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups")
SERVER = ("--reuid=1000", "--regid=1000", "--clear-groups")
NOTHING = ("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
BOUND = ("--bounding-set=-all,+sys_ptrace", "--inh-caps=-all", "--no-new-privs")
AMBIENT = ("--bounding-set=-all,+sys_ptrace", "--inh-caps=-all,+sys_ptrace", "--ambient-caps=+sys_ptrace")

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, and setpriv")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, int]]:
    """A server that runs as root with capabilities, and one that runs as a user without any."""
    commands = {"root": ["sleep", "60"], "user": ["setpriv", *SERVER, *NOTHING, "sleep", "60"]}
    started = {name: subprocess.Popen(command) for name, command in commands.items()}
    try:
        # Until then it is what starts it, and root.
        while Path(f"/proc/{started['user'].pid}/comm").read_text() != "sleep\n":
            assert started["user"].poll() is None
            time.sleep(0.01)
        yield {name: process.pid for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
            process.wait()


def _readable(pid: int, name: str, who: tuple[str, ...], *through: str) -> bool:
    command = ["setpriv", *who, *through, "head", "-c1", f"/proc/{pid}/{name}"]
    return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0


@pytest.mark.parametrize(
    ("server", "who", "allowed"),
    [
        pytest.param("root", NOBODY + NOTHING, False, id="the base variants"),
        pytest.param("root", NOBODY + BOUND, False, id="Docker and Kubernetes: a capability for who is not root"),
        pytest.param("root", NOBODY + AMBIENT, True, id="systemd: with/smaps.conf"),
        pytest.param("root", NOTHING, False, id="root without capabilities"),
        pytest.param("root", BOUND, True, id="with-smaps.yaml and sidecar-with-smaps"),
        pytest.param("user", SERVER + NOTHING, True, id="the server's user, where it has no capabilities"),
        pytest.param("user", NOBODY + NOTHING, False, id="another user"),
    ],
)
def test_smaps_are_for_who_the_page_says(
    servers: dict[str, int], server: str, who: tuple[str, ...], allowed: bool
) -> None:
    pid = servers[server]
    assert _readable(pid, "smaps", who) == allowed
    for cheap in ("status", "limits", "cgroup"):
        assert _readable(pid, cheap, who), cheap


def test_in_a_user_namespace_the_capability_is_worth_nothing_and_the_rest_stays(servers: dict[str, int]) -> None:
    if not _readable(os.getpid(), "status", NOBODY, "unshare", "--user"):
        pytest.skip("this kernel lets only root make user namespaces")
    assert not _readable(servers["root"], "smaps", NOBODY + AMBIENT, "unshare", "--user")
    assert _readable(servers["root"], "status", NOBODY, "unshare", "--user")
