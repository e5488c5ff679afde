"""Servers of the lab: real ones, started on loopback with a configuration of their own, and ended by pid."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

START_SECONDS = 40.0
STOP_SECONDS = 15.0
NAMESPACE = "lab"
DATA_BYTES = 512 << 20

CONFIGURATION = """\
service {{
    cluster-name lab-{service}
    node-id {service:x}
    proto-fd-max 1024
    pidfile {directory}/asd.pid
    work-directory {directory}/work
}}
mod-lua {{
    user-path {directory}/lua
}}
logging {{
    file {directory}/asd.log {{
        context any info
    }}
}}
network {{
    service {{
        address 127.0.0.1
        access-address 127.0.0.1
        port {service}
    }}
    heartbeat {{
        mode mesh
        address 127.0.0.1
        port {heartbeat}
        interval 150
        timeout 10
    }}
    fabric {{
        address 127.0.0.1
        port {fabric}
    }}
    {admin_context} {{
        address 127.0.0.1
        port {admin}
    }}
}}
namespace {namespace} {{
    replication-factor 1
    nsup-period 10
    default-ttl 0
    {storage}
}}
"""


class Binary(NamedTuple):
    """A release, and the program of its server."""

    release: str
    path: Path


def binaries(text: str) -> tuple[Binary, ...]:
    """The binaries that `RELEASE=PATH RELEASE=PATH` names; ValueError with one line where one is not right."""
    found: dict[str, Binary] = {}
    for word in text.split():
        release, separator, path = word.partition("=")
        if not separator or not re.fullmatch(r"\d+\.\d+", release):
            raise ValueError(f"AEROSPIKE_SERVER_BINARIES: not RELEASE=PATH, as in 8.1=/usr/bin/asd: {word!r}")
        if not Path(path).is_absolute() or not shutil.which(path):
            raise ValueError(f"AEROSPIKE_SERVER_BINARIES: no program at an absolute path: {word!r}")
        if release in found:
            raise ValueError(f"AEROSPIKE_SERVER_BINARIES: release {release} is named twice")
        found[release] = Binary(release, Path(path))
    return tuple(found.values())


def configuration(release: str, directory: Path, ports: tuple[int, int, int, int]) -> str:
    """A node with one namespace in memory, which hears 127.0.0.1 alone."""
    major, minor = map(int, release.split("."))
    before_stripes = (major, minor) < (7, 0)
    # data-size is at least 1 GiB in 7.0; only what is written becomes resident.
    size = max(DATA_BYTES, 1 << 30) if (major, minor) == (7, 0) else DATA_BYTES
    storage = (
        f"memory-size {size}\n    storage-engine memory"
        if before_stripes
        else f"storage-engine memory {{\n        data-size {size}\n    }}"
    )
    service, heartbeat, fabric, admin = ports
    return CONFIGURATION.format(
        directory=directory,
        service=service,
        heartbeat=heartbeat,
        fabric=fabric,
        admin=admin,
        admin_context="admin" if (major, minor) >= (8, 1) else "info",
        namespace=NAMESPACE,
        storage=storage,
    )


class Server:
    """A server in a directory of its own; `start` again after `kill` takes the same port."""

    def __init__(self, binary: Binary) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"lab-{binary.release}-"))
        self.binary = binary
        for name in ("work/smd", "work/usr/udf/lua", "lua"):
            (self.directory / name).mkdir(parents=True)
        ports = _free_ports()
        self.port = ports[0]
        (self.directory / "asd.conf").write_text(configuration(binary.release, self.directory, ports))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it serves."""
        log = self.directory / "asd.log"
        log.unlink(missing_ok=True)
        command = [str(self.binary.path), "--foreground", "--config-file", str(self.directory / "asd.conf")]
        with (self.directory / "out").open("wb") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        deadline = time.monotonic() + START_SECONDS
        while not (log.exists() and "soon there will be cake" in log.read_text(errors="replace")):
            ended = self._process.poll()
            assert ended is None, f"{self.binary.release} ended with {ended}: {self._last_words()}"
            assert time.monotonic() < deadline, f"{self.binary.release} did not start in {START_SECONDS:.0f} s"
            time.sleep(0.2)
        time.sleep(3)  # it answers clients once it has a cluster of its own, about 2 s later

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End it, and remove its directory."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)

    def _last_words(self) -> str:
        out = (self.directory / "out").read_text(errors="replace").strip().splitlines()
        return out[-1] if out else "no output"


def _free_ports() -> tuple[int, int, int, int]:
    """Four ports that nobody had a moment ago."""
    with ExitStack() as stack:
        ports = []
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.bind(("127.0.0.1", 0))
            ports.append(int(one.getsockname()[1]))
    return ports[0], ports[1], ports[2], ports[3]
