"""What is served, built from the settings, and rebuilt when they change, as far as they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.errors import SettingsError
from exporter.fleet.modules import modules_of
from exporter.model.endpoint import endpoint
from exporter.scrape.login import connection_to
from exporter.scrape.node import MonitoredNode, view
from exporter.scrape.registry import Exporter
from exporter.web.handler import Exposed

if TYPE_CHECKING:
    from exporter.fleet.clients import Fleet
    from exporter.fleet.discovery import Discovery
    from exporter.fleet.modules import Modules
    from exporter.settings.schema import Settings
    from exporter.sources.connection import Connection


@dataclass(frozen=True)
class Plan:
    """The settings, with the secrets that they name."""

    settings: Settings
    connection: Connection
    modules: Modules

    @property
    def of_node(self) -> tuple[object, ...]:
        """What the exporter's own node depends on."""
        settings = self.settings
        return settings.probe.only, self.connection, settings.process, settings.sampler, *self._of_any

    @property
    def _of_any(self) -> tuple[object, ...]:
        """What whatever node depends on."""
        return self.settings.collector, self.settings.operator

    @property
    def of_fleet(self) -> tuple[object, ...]:
        """What the nodes that are probed depend on."""
        return self.settings.probe, self.modules.logins, *self._of_any

    @property
    def of_discovery(self) -> tuple[object, ...]:
        """What the lists of clusters depend on: the workers of the fleet ask for them."""
        return self.settings.sd, *self.of_fleet


def planned(settings: Settings, connection: Connection | None = None) -> Plan:
    """The plan of the settings, for the node of `connection` where one is given.

    Reads the files with secrets, and raises `SettingsError`.
    """
    modules = modules_of(settings.probe)
    wrong = []
    if settings.probe.only and not settings.probe.targets:
        wrong.append("probe.only: needs probe.targets")
    if settings.sd.seeds and not settings.probe.targets:
        wrong.append("sd.seeds: needs probe.targets")
    if settings.sd.seeds and settings.sd.module not in modules:
        wrong.append("sd.module: there is none of that name in probe.modules")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Plan(settings, connection or connection_to(settings.aerospike), modules)


@dataclass(frozen=True, eq=False)
class Runtime:
    """What a plan is served with: the node, the fleet and the discovery, as far as there are any."""

    plan: Plan
    node: MonitoredNode | None
    fleet: Fleet | None
    discovery: Discovery | None

    @property
    def exposed(self) -> Exposed:
        """What the pages read."""
        others = [part.series for part in (self.fleet, self.discovery) if part is not None]
        registry = Exporter(self.node.registry if self.node else None, others)
        return Exposed(registry, self.fleet, self.discovery, alone=self.node is None)

    def start(self, old: Runtime | None = None) -> None:
        """Start what runs in the background, unless `old` has started it."""
        if self.node is not None and not (old and old.node is self.node):
            self.node.start(self.plan.settings.web.timeout)
        if self.fleet is not None and not (old and old.fleet is self.fleet):
            self.fleet.start()

    def close(self, new: Runtime | None = None) -> None:
        """Close all connections, but those that `new` goes on with, each when its reading has ended."""
        kept = (new.node, new.fleet, new.discovery) if new else ()
        for part in (self.node, self.fleet, self.discovery):
            if part is not None and part not in kept:
                part.close()


def built(plan: Plan, old: Runtime | None = None) -> Runtime:
    """The runtime of a plan; what nothing changed for is that of `old`."""
    fleet = old.fleet if old and plan.of_fleet == old.plan.of_fleet else _fleet(plan)
    return Runtime(
        plan,
        old.node if old and plan.of_node == old.plan.of_node else _node(plan),
        fleet,
        old.discovery if old and plan.of_discovery == old.plan.of_discovery else _discovery(plan, fleet),
    )


def _node(plan: Plan) -> MonitoredNode | None:
    return None if plan.settings.probe.only else MonitoredNode(plan.settings, plan.connection)


def _fleet(plan: Plan) -> Fleet | None:
    settings = plan.settings
    if not settings.probe.targets:
        return None
    # Here, as the discovery below: beside a node nobody needs them, nor what they start processes with.
    from exporter.fleet.clients import Fleet

    return Fleet(settings.probe, plan.modules, view(settings), settings.collector.sindexes.stat)


def _discovery(plan: Plan, fleet: Fleet | None) -> Discovery | None:
    settings = plan.settings.sd
    if fleet is None or not settings.seeds:
        return None
    from exporter.fleet.discovery import Discovery

    return Discovery([endpoint(seed) for seed in settings.seeds], plan.modules, settings, fleet.pool)
