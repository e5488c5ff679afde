"""The files of each format: rules of a Prometheus or for its operator, and an example for Alertmanager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.rules.alertmanager import TEMPLATES, alertmanager
from exporter.rules.exporter import exporter_alerts
from exporter.rules.host import host_alerts
from exporter.rules.recording import recordings
from exporter.rules.text import manifest, yaml
from exporter.rules.writes import write_alerts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.rules.rule import Group
    from exporter.rules.site import Site


def alerts(site: Site) -> tuple[Group, ...]:
    """The groups of alerts."""
    return write_alerts(site), host_alerts(site), exporter_alerts(site)


def _prometheus(site: Site) -> Mapping[str, str]:
    return {
        "aerospike-memory.rules.yml": yaml(recordings(site), site),
        "aerospike-memory.alerts.yml": yaml(alerts(site), site),
    }


def _operator(site: Site) -> Mapping[str, str]:
    return {"prometheusrule.yaml": manifest((*recordings(site), *alerts(site)), site)}


FORMATS: Mapping[str, Callable[[Site], Mapping[str, str]]] = {
    "prometheus": _prometheus,
    "operator": _operator,
    "alertmanager": lambda _: {"alertmanager.yml": alertmanager(), "aerospike-memory.tmpl": TEMPLATES},
}
"""What gives the texts by the names of their files, by format."""


def as_one(name: str, site: Site) -> str | None:
    """The files of a format as one text, which does the same; None where there is none."""
    if name == "prometheus":
        return yaml((*recordings(site), *alerts(site)), site)
    texts = tuple(FORMATS[name](site).values())
    return texts[0] if len(texts) == 1 else None
