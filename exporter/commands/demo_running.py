"""Where the demo that runs on this host is, so that other commands find it with `--demo`.

The demo keeps a note in the directory of its simulated process, which only its user can write to and which goes when it
ends. What others put there is not looked at.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from exporter.errors import SettingsError
from exporter.settings.logins import AerospikeSettings
from exporter.settings.schema import ProcessSettings, SamplerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.settings.schema import Settings

FLAG = "--demo"
HELP = "the demo that runs on this host"

CLUSTER = "embedded-shop-simulation"
"""The name of the cluster of every demo."""

_PATTERN = "embedded-node-*/demo.json"


class Running(NamedTuple):
    """A demo: its process, its first node's port, files and simulated process, and how many nodes it has."""

    pid: int
    port: int
    procfs: str
    cgroupfs: str
    simulated: int
    nodes: int = 1


def announce(running: Running) -> None:
    """Note a demo; raises `OSError`."""
    Path(running.procfs).parent.joinpath("demo.json").write_text(json.dumps(running._asdict()))


def running() -> Running:
    """The demo that was started last; raises `SettingsError` if none runs."""
    demos = sorted(_found(), reverse=True)
    if not demos:
        raise SettingsError(f"flags: {FLAG}: no demo of this user runs on this host; the command demo starts one")
    return demos[0][1]


def settings_for(demo: Running, settings: Settings) -> Settings:
    """The settings for the first node of a demo, without any login.

    Its process is simulated, and reading all of it costs nothing.
    """
    procfs = Path(demo.procfs)
    changed = {
        "aerospike": AerospikeSettings(port=demo.port, timeout=settings.aerospike.timeout),
        "process": ProcessSettings(pid=demo.simulated, procfs=procfs, cgroupfs=Path(demo.cgroupfs)),
        "sampler": SamplerSettings(smaps=True, jemalloc=True, jemalloc_directory=procfs, peers=demo.nodes > 1),
    }
    return settings.model_copy(update=changed)


def _found() -> Iterator[tuple[float, Running]]:
    """The demos of this user that run, each with the time of its start."""
    for note in Path(tempfile.gettempdir()).glob(_PATTERN):
        try:
            status = note.stat()
            if not status.st_uid == note.parent.stat().st_uid == os.getuid():
                continue
            demo = Running(**json.loads(note.read_bytes()))
            os.kill(demo.pid, 0)
        except (OSError, ValueError, TypeError):
            continue
        yield status.st_mtime, demo
