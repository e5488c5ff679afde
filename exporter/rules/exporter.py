"""Alerts on exporters and their sources, and on critical findings that have no alert of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings import RULES
from exporter.findings.thresholds import MINUTE
from exporter.model.words import FINDINGS
from exporter.rules.rule import IN_CLUSTER, NODE, TIME, Alert, Group, duration, label, word
from exporter.units import span

if TYPE_CHECKING:
    from exporter.rules.site import Site

ALERTED_FINDINGS = (
    "areas_near_limit",
    "clock_skew",
    "device_overload",
    "set_near_limit",
    "writes_refused",
    "writes_stopped",
)
"""Critical findings that an alert of their own tells better."""


def _node_up(site: Site) -> str:
    return f"unless on (job, instance) {site.metric('up')} == 0"


_IN_NAMESPACE = "{{ with $labels.ns }} in namespace {{ . }}{{ end }}"


def _critical_finding(site: Site) -> Alert:
    others = f'finding!~"{"|".join(ALERTED_FINDINGS)}"'
    finding = site.metric("finding", 'severity="critical"', others)
    critical = (rule.name for rule in RULES if "critical" in rule.severities and rule.name not in ALERTED_FINDINGS)
    title = word("$labels.finding", {name: FINDINGS[name] for name in critical})
    return Alert(
        "AerospikeMemoryCriticalFinding",
        "critical",
        "finding",
        f"({finding} == 1)\n{IN_CLUSTER}",
        5 * MINUTE,
        10 * MINUTE,
        f"{title}{_IN_NAMESPACE} on {NODE}: it makes writes fail or loses the node.",
        f"{title}{_IN_NAMESPACE} on {NODE}: this has been"
        f" found for more than {duration(5 * MINUTE)}; `analyze` says what it is and what helps.",
        "node",
        "any finding of severity critical, but those that have an alert of their own",
        "Only what makes writes fail or loses a node has that severity.",
    )


def _no_targets(site: Site) -> Alert:
    return Alert(
        "AerospikeMemoryNoTargets",
        "critical",
        "exporter",
        f"absent({site.target_up()}) == 1",
        10 * MINUTE,
        0,
        f"Prometheus has no target of job {site.job}: no exporter of Aerospike's memory is seen.",
        f"No target of job {site.job} has been there for more than {duration(10 * MINUTE)}: no other alert of this set"
        " can fire.",
        "exporter",
        f"Prometheus has no target of the job `{site.job}`",
        "A job that was renamed or lost its service discovery silences every other alert.",
    )


def _exporter_down(site: Site) -> Alert:
    return Alert(
        "AerospikeMemoryExporterDown",
        "critical",
        "exporter",
        f"({site.target_up()} == 0)\n{IN_CLUSTER}",
        5 * MINUTE,
        0,
        f"The exporter on {NODE} does not answer; its host may be gone.",
        f"The exporter on {NODE} has not answered Prometheus for more than {duration(5 * MINUTE)}: nothing is known"
        " of its node's memory.",
        "exporter",
        "Prometheus cannot scrape the exporter",
        "Where the exporter is beside the node, this is all that is seen when the host dies. Five minutes leave out a"
        " restart.",
    )


def _node_down(site: Site) -> Alert:
    return Alert(
        "AerospikeMemoryNodeDown",
        "critical",
        "exporter",
        f"({site.metric('up')} == 0)\n{IN_CLUSTER}",
        5 * MINUTE,
        5 * MINUTE,
        f"The node behind {NODE} does not answer its exporter.",
        f"The node behind {NODE} has not answered info requests for more than {duration(5 * MINUTE)}.",
        "exporter",
        "the node does not answer the exporter",
        "It is down, hung, killed for memory, or refuses the exporter. Five minutes leave out most restarts.",
    )


def _collector(site: Site) -> Alert:
    return Alert(
        "AerospikeMemoryCollectorFailing",
        "warning",
        "exporter",
        f"(\n  {site.metric('scrape_collector_success')} == 0\n  {_node_up(site)}\n)\n{IN_CLUSTER}",
        15 * MINUTE,
        15 * MINUTE,
        f"A part of the figures of {NODE} is missing though the node answers.",
        f"The collector {label('collector')} on {NODE} has not had all that it needs for more than"
        f" {duration(15 * MINUTE)}; alerts that rest on its figures cannot fire.",
        "exporter",
        "a collector lacks something that it needs, and the node answers",
        "Figures that are absent silence alerts. One scrape without an answer is no reason.",
    )


def _stale(site: Site) -> Alert:
    edge = site.thresholds
    age = f"time() - {site.metric('sampler_last_success_timestamp_seconds')}"
    return Alert(
        "AerospikeMemorySourceStale",
        "warning",
        "exporter",
        f"(\n  {age} > {edge.source_age}\n  {_node_up(site)}\n)\n{IN_CLUSTER}",
        10 * MINUTE,
        10 * MINUTE,
        f"The slow source {label('source')} on {NODE} was not read for long.",
        f"The source {label('source')} on {NODE} was last read {TIME} ago; the alert"
        f" is for more than {duration(edge.source_age)}.",
        "exporter",
        f"a slow source was last read more than {span(edge.source_age)} ago, and the node answers",
        "Sources are read every 1 to 5 minutes. Raise it if you set an interval of more than half of it.",
    )


def exporter_alerts(site: Site) -> Group:
    """The alerts of this module."""
    alerts = (_no_targets, _exporter_down, _node_down, _collector, _stale, _critical_finding)
    return Group(
        "aerospike-memory-watch",
        "Exporters, nodes and sources that are not seen, and findings that have no alert of their own.",
        tuple(alert(site) for alert in alerts),
    )
