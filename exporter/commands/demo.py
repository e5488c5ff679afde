"""The command `demo`: serves the embedded, simulated shop instead of a node, or writes a history of it."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from exporter.commands import demo_history, demo_running
from exporter.commands.demo_running import Running
from exporter.commands.runtime import planned
from exporter.commands.serve import serve
from exporter.demo.cluster import EmbeddedCluster
from exporter.demo.process import PID
from exporter.errors import SettingsError, SourceError
from exporter.settings import logs

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from exporter.settings.schema import DemoSettings, Settings

logger = logging.getLogger(__name__)

SETTINGS = ("demo", "web", "log", "collector", "docs", "operator", "probe", "sd")

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
    cluster = _started(settings.demo)
    try:
        demo = _announced(cluster)
        logger.info(
            "an embedded, simulated shop answers as Aerospike %s on 127.0.0.1:%d, at %g times the speed of time"
            " (analyze, reclaim and report find it by --demo)",
            *(settings.demo.release, demo.port, settings.demo.speed),
        )
        if demo.nodes > 1:
            logger.info("it is a cluster of %d nodes, which /sd lists for a Prometheus and /probe reads", demo.nodes)
        settings = demo_running.settings_for(demo, _fleet(cluster, settings))
        return asyncio.run(serve(planned(settings), note=NOTE))
    finally:
        cluster.close()


def _started(shop: DemoSettings) -> EmbeddedCluster:
    """The nodes, which answer from now on."""
    cluster = EmbeddedCluster(shop.nodes, shop.release, shop.seed, shop.speed, port=shop.port)
    try:
        return cluster.start()
    except OSError as problem:
        raise SettingsError(f"demo.port: cannot listen on {shop.port}: {problem.strerror}") from None


def _announced(cluster: EmbeddedCluster) -> Running:
    """The demo, noted for other commands."""
    node = cluster.nodes[0]
    try:
        demo = Running(os.getpid(), node.address[1], str(node.procfs), str(node.cgroupfs), PID, len(cluster.nodes))
        demo_running.announce(demo)
    except OSError as problem:
        raise SourceError(demo_history.no_directory(problem)) from None
    return demo


def _fleet(cluster: EmbeddedCluster, settings: Settings) -> Settings:
    """The settings with which all nodes of a cluster can be probed and are listed."""
    if len(cluster.nodes) == 1:
        return settings
    targets = tuple("{}:{}".format(*node.address) for node in cluster.nodes)
    probe = settings.probe.model_copy(update={"targets": (*settings.probe.targets, *targets)})
    sd = settings.sd.model_copy(update={"seeds": (*settings.sd.seeds, targets[0])})
    return settings.model_copy(update={"probe": probe, "sd": sd})
