"""What is served, made from the settings; and made anew when they change, as far as they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.errors import SettingsError
from exporter.fleet.clients import Fleet
from exporter.fleet.discovery import Discovery
from exporter.fleet.modules import modules_of
from exporter.model.endpoint import endpoint
from exporter.scrape.login import connection_to
from exporter.scrape.node import MonitoredNode, view
from exporter.scrape.registry import Exporter
from exporter.web.handler import Exposed

if TYPE_CHECKING:
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
        chosen = self.settings
        return chosen.probe.only, self.connection, chosen.collector, chosen.operator, chosen.process, chosen.sampler

    @property
    def of_fleet(self) -> tuple[object, ...]:
        """What the nodes that are probed depend on."""
        chosen = self.settings
        return chosen.probe, self.modules.logins, chosen.collector, chosen.operator

    @property
    def of_discovery(self) -> tuple[object, ...]:
        """What the lists of clusters depend on."""
        chosen = self.settings
        return chosen.sd, chosen.probe.targets, self.modules.logins


def planned(chosen: Settings, connection: Connection | None = None) -> Plan:
    """A plan that can be carried out, for another node if one is given.

    Reads the files with secrets, and raises `SettingsError`.
    """
    modules = modules_of(chosen.probe)
    wrong = []
    if chosen.probe.only and not chosen.probe.targets:
        wrong.append("probe.only: needs probe.targets")
    if chosen.sd.seeds and not chosen.probe.targets:
        wrong.append("sd.seeds: needs probe.targets")
    if chosen.sd.seeds and chosen.sd.module not in modules:
        wrong.append("sd.module: there is none of that name in probe.modules")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Plan(chosen, connection or connection_to(chosen.aerospike), modules)


@dataclass(frozen=True, eq=False)
class Runtime:
    """What a plan is carried out with."""

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
        """Begin what goes on in the background, but for what the old parts have begun."""
        if self.node is not None and not (old and old.node is self.node):
            self.node.start()
        if self.fleet is not None and not (old and old.fleet is self.fleet):
            self.fleet.start()

    def close(self, new: Runtime | None = None) -> None:
        """Close all connections, but those that the new parts go on with, each when its reading has ended."""
        kept = (new.node, new.fleet, new.discovery) if new else ()
        for part in (self.node, self.fleet, self.discovery):
            if part is not None and part not in kept:
                part.close()


def built(plan: Plan, old: Runtime | None = None) -> Runtime:
    """The parts of a plan; those that nothing changed for are the old ones."""
    return Runtime(
        plan,
        old.node if old and plan.of_node == old.plan.of_node else _node(plan),
        old.fleet if old and plan.of_fleet == old.plan.of_fleet else _fleet(plan),
        old.discovery if old and plan.of_discovery == old.plan.of_discovery else _discovery(plan),
    )


def _node(plan: Plan) -> MonitoredNode | None:
    return None if plan.settings.probe.only else MonitoredNode(plan.settings, plan.connection)


def _fleet(plan: Plan) -> Fleet | None:
    chosen = plan.settings
    if not chosen.probe.targets:
        return None
    return Fleet(chosen.probe, plan.modules, view(chosen), chosen.collector.sindexes.stat)


def _discovery(plan: Plan) -> Discovery | None:
    seeds = [endpoint(seed) for seed in plan.settings.sd.seeds]
    return Discovery(seeds, plan.modules, plan.settings.sd) if seeds else None
