"""A Debian that systemd has booted in a container of systemd-nspawn, with a network of its own."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import time
from typing import TYPE_CHECKING

from tests.deploy.manifests import PORT
from tests.support import series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SECONDS = 60.0
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
_GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"


class BootError(Exception):
    """The machine did not come up, and why."""


class Machine:
    """One that is up; commands in it are root's. `leader` is the number of its systemd on this host."""

    def __init__(self, leader: int) -> None:
        self._leader = leader

    def ask(self, *command: str, text: str = "", cwd: str = "/") -> subprocess.CompletedProcess[str]:
        """The exit code of a command that is given a text, and what it says."""
        entered = ["nsenter", f"--target={self._leader}", "--all", f"--wdns={cwd}", "--", *command]
        return subprocess.run(
            entered, env=ENVIRONMENT, input=text, capture_output=True, text=True, timeout=300, check=False
        )

    def tell(self, *command: str, text: str = "", cwd: str = "/") -> str:
        """What a command says that does what it is told."""
        done = self.ask(*command, text=text, cwd=cwd)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Write a file, and the directory that it is in."""
        self.tell("install", "-D", "-m", "644", "/dev/stdin", path, text=text)

    def metrics(self) -> dict[str, float]:
        """What the exporter in it exposes; nothing while it does not answer."""
        done = self.ask("python3", "-Ic", _GET, f"http://127.0.0.1:{PORT}/metrics")
        return series(done.stdout) if done.returncode == 0 else {}

    def wait(self, holds: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Until it holds."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.ask("journalctl", "--no-pager", "--lines=40").stdout
            time.sleep(0.1)


@contextlib.contextmanager
def booted(root: Path, log: Path, binds: Mapping[Path, str]) -> Iterator[Machine]:
    """A machine on a root, to which nothing is written, with directories of this host; raises `BootError`."""
    words = ["--quiet", f"--machine=exporter-test-{secrets.token_hex(4)}", f"--directory={root}", "--volatile=overlay"]
    # No machined and no systemd need to run on this host.
    words += ["--register=no", "--keep-unit", "--private-network", "--console=pipe"]
    words += [f"--bind-ro={source}:{target}" for source, target in binds.items()]
    with (
        log.open("w") as output,
        subprocess.Popen(
            ["systemd-nspawn", *words, "--boot"], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield _up(process, log)
        finally:
            process.terminate()
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _up(process: subprocess.Popen[bytes], log: Path) -> Machine:
    """The machine as soon as all is started that it starts."""
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
        leader = subprocess.run(
            ["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True, check=False
        ).stdout.split()
        if leader:
            machine = Machine(int(leader[0]))
            if machine.ask("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
                return machine
    raise BootError(f"systemd-nspawn boots nothing here: {(log.read_text().strip().splitlines() or ['no word'])[-1]}")
