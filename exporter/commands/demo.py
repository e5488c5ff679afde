"""The command `demo`: serves the embedded, simulated shop instead of a node, or writes a history of it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from exporter.commands import demo_history
from exporter.commands.runtime import planned
from exporter.commands.serve import serve
from exporter.demo.node import EmbeddedNode
from exporter.demo.process import PID
from exporter.errors import SettingsError
from exporter.settings import logs
from exporter.settings.schema import ProcessSettings, SamplerSettings
from exporter.sources.connection import Connection

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from exporter.settings.schema import Settings

logger = logging.getLogger(__name__)

SETTINGS = ("demo", "web", "log", "collector", "operator", "probe", "sd")

NOTE = "This is a demonstration: the node is a simulated shop."


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only this command has."""
    demo_history.add(parser)


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Serve the metrics of the embedded shop until told to stop."""
    if own.history is not None:
        return demo_history.run(own, load)
    if own.output is not None:
        raise SettingsError("flags: --output needs --history SPAN")
    settings = load()
    logs.set_up(settings.log)
    shop = settings.demo
    with EmbeddedNode(release=shop.release, seed=shop.seed, speed=shop.speed) as node:
        host, port = node.address
        logger.info(
            "an embedded, simulated shop answers as Aerospike %s on %s:%d, at %g times the speed of time"
            " (flags for other commands: --aerospike.port=%d --process.pid=%d --process.procfs=%s"
            " --process.cgroupfs=%s)",
            *(shop.release, host, port, shop.speed, port, PID, node.procfs, node.cgroupfs),
        )
        # Its process is simulated, too, and reading it costs nothing.
        process = ProcessSettings(pid=PID, procfs=node.procfs, cgroupfs=node.cgroupfs)
        sampler = SamplerSettings(smaps=True, jemalloc=True, jemalloc_directory=node.procfs)
        settings = settings.model_copy(update={"process": process, "sampler": sampler})
        plan = planned(settings, Connection(host, port, settings.aerospike.timeout))
        return asyncio.run(serve(plan, note=NOTE))
