"""Alerts on exporters and their sources, and on critical findings that have no alert of their own."""

from __future__ import annotations

from exporter.findings.thresholds import MINUTE, SOURCE_AGE
from exporter.rules.rule import IN_CLUSTER, NODE, TIME, Alert, Group, duration, label, metric, target_up
from exporter.rules.site import JOB
from exporter.units import span

ALERTED_FINDINGS = (
    "areas_near_limit",
    "clock_skew",
    "device_overload",
    "set_near_limit",
    "writes_refused",
    "writes_stopped",
)
"""Critical findings that an alert of their own tells better."""

_NODE_UP = f"unless on (job, instance) {metric('up')} == 0"


def _critical_finding() -> Alert:
    others = f'finding!~"{"|".join(ALERTED_FINDINGS)}"'
    finding = metric("finding", 'severity="critical"', others)
    return Alert(
        "AerospikeMemoryCriticalFinding",
        "critical",
        "finding",
        f"({finding} == 1)\n{IN_CLUSTER}",
        5 * MINUTE,
        10 * MINUTE,
        "The exporter has found something that makes writes fail or loses a node.",
        f"{label('finding')}{{{{ with $labels.ns }}}} in namespace {{{{ . }}}}{{{{ end }}}} on {NODE} has been"
        f" found for more than {duration(5 * MINUTE)}; `analyze` says what it is and what helps.",
        "node",
        "any finding of severity critical, but those that have an alert of their own",
        "Only what makes writes fail or loses a node has that severity.",
    )


def _no_targets() -> Alert:
    return Alert(
        "AerospikeMemoryNoTargets",
        "critical",
        "exporter",
        f"absent({target_up()}) == 1",
        10 * MINUTE,
        0,
        "Prometheus knows no exporter of Aerospike's memory at all.",
        f"No target of job {JOB} has been there for more than {duration(10 * MINUTE)}: no other alert of this set can"
        " fire.",
        "exporter",
        f"Prometheus has no target of the job `{JOB}`",
        "A job that was renamed or lost its service discovery silences every other alert.",
    )


def _exporter_down() -> Alert:
    return Alert(
        "AerospikeMemoryExporterDown",
        "critical",
        "exporter",
        f"({target_up()} == 0)\n{IN_CLUSTER}",
        5 * MINUTE,
        0,
        "An exporter does not answer; its host may be gone.",
        f"The exporter on {NODE} has not answered Prometheus for more than {duration(5 * MINUTE)}: nothing is known"
        " of its node's memory.",
        "exporter",
        "Prometheus cannot scrape the exporter",
        "Where the exporter is beside the node, this is all that is seen when the host dies. Five minutes leave out a"
        " restart.",
    )


def _node_down() -> Alert:
    return Alert(
        "AerospikeMemoryNodeDown",
        "critical",
        "exporter",
        f"({metric('up')} == 0)\n{IN_CLUSTER}",
        5 * MINUTE,
        5 * MINUTE,
        "A node does not answer its exporter.",
        f"The node behind {NODE} has not answered info requests for more than {duration(5 * MINUTE)}.",
        "exporter",
        "the node does not answer the exporter",
        "It is down, hung, killed for memory, or refuses the exporter. Five minutes leave out most restarts.",
    )


def _collector() -> Alert:
    return Alert(
        "AerospikeMemoryCollectorFailing",
        "warning",
        "exporter",
        f"(\n  {metric('scrape_collector_success')} == 0\n  {_NODE_UP}\n)\n{IN_CLUSTER}",
        15 * MINUTE,
        15 * MINUTE,
        "A part of the figures is missing though the node answers.",
        f"The collector {label('collector')} on {NODE} has not had all that it needs for more than"
        f" {duration(15 * MINUTE)}; alerts that rest on its figures cannot fire.",
        "exporter",
        "a collector lacks something that it needs, and the node answers",
        "Figures that are absent silence alerts. One scrape without an answer is no reason.",
    )


def _stale() -> Alert:
    age = f"time() - {metric('sampler_last_success_timestamp_seconds')}"
    return Alert(
        "AerospikeMemorySourceStale",
        "warning",
        "exporter",
        f"(\n  {age} > {SOURCE_AGE}\n  {_NODE_UP}\n)\n{IN_CLUSTER}",
        10 * MINUTE,
        10 * MINUTE,
        "A slow source was not read for long.",
        f"The source {label('source')} on {NODE} was last read {TIME} ago; the alert"
        f" is for more than {duration(SOURCE_AGE)}.",
        "exporter",
        f"a slow source was last read more than {span(SOURCE_AGE)} ago, and the node answers",
        "Sources are read every 1 to 5 minutes. Raise it if you set an interval of more than half of it.",
    )


EXPORTER = Group(
    "aerospike-memory-watch",
    "Exporters, nodes and sources that are not seen, and findings that have no alert of their own.",
    (_no_targets(), _exporter_down(), _node_down(), _collector(), _stale(), _critical_finding()),
)
