"""What a rule is: a recorded series or an alert, in groups that are evaluated together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.findings.thresholds import DAY, HOUR, MINUTE
from exporter.model.constants import MIB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.rules.site import Site

CLUSTER = "instance:aerospike_memory_node_info:group"
"""The recorded series that gives each target the name of its cluster."""

IN_CLUSTER = f"* on (job, instance) group_left (cluster_name) {CLUSTER}"
"""What a series is multiplied with to have the name of its cluster; its value stays."""


NODE = "{{ $labels.instance }}{{ with $labels.cluster_name }} of cluster {{ . }}{{ end }}"
"""In a description, the node and its cluster, if that has a name."""

NAMESPACE = f"namespace {{{{ $labels.ns }}}} on {NODE}"
"""The namespace, likewise."""

OF_CLUSTER = "namespace {{ $labels.ns }}{{ with $labels.cluster_name }} of cluster {{ . }}{{ end }}"
"""A namespace as a whole, on all nodes."""

BYTES = "{{ $value | humanize1024 }}B"
SHARE = "{{ $value | humanizePercentage }}"
TIME = "{{ $value | humanizeDuration }}"
COUNT = '{{ $value | printf "%.0f" }}'


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that is worked out once for panels and alerts; named level:metric:operations."""

    name: str
    expr: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person must do; `hold` and `keep` are seconds before it fires and after it has ended.

    `when` and `why` are for the page of alerts. `kind` is what a critical alert has in common with the warnings that it
    makes superfluous. `dashboard` is the uid without its prefix.
    """

    name: str
    severity: str
    kind: str
    expr: str
    hold: int
    keep: int
    summary: str
    description: str
    dashboard: str
    when: str
    why: str

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that it adds."""
        return {"severity": self.severity, "kind": self.kind}

    def annotations(self, site: Site) -> Mapping[str, str]:
        """What a person reads, and where to read on."""
        link = f"aerospike-memory-{self.dashboard}?var-job={{{{ $labels.job | urlquery }}}}"
        for variable, name in _VARIABLES[self.dashboard]:
            link += f"{{{{ with $labels.{name} }}}}&var-{variable}={{{{ . | urlquery }}}}{{{{ end }}}}"
        said = {"summary": self.summary, "description": self.description}
        if site.docs_url is None:
            said["runbook"] = f"docs/runbooks/{self.name}.md"
        else:
            said["runbook_url"] = f"{site.docs_url.rstrip('/')}/runbooks/{self.name}.md"
        if site.dashboards_url is not None:
            said["dashboard_url"] = f"{site.dashboards_url.rstrip('/')}/d/{link}"
        return said


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, every `interval` seconds (Prometheus' own without)."""

    name: str
    why: str
    rules: tuple[Recording | Alert, ...]
    interval: int | None = None


def label(name: str) -> str:
    """In a description, the value of a label."""
    return f"{{{{ $labels.{name} }}}}"


def word(value: str, names: Mapping[str, str], labelled: bool = True) -> str:
    """In a description, what a value such as `$labels.reason` is called, `labelled` with itself in brackets.

    One that is not among the names stays as it is.
    """
    itself = f" ({{{{ {value} }}}})" if labelled else ""
    cases = (f'if eq {value} "{label}" -}}}} {text}{itself} {{{{- else' for label, text in names.items())
    return f"{{{{ {' '.join(cases)} -}}}} {{{{ {value} }}}} {{{{- end }}}}"


def duration(seconds: int) -> str:
    """Seconds as Prometheus writes them, in the largest unit that needs no fraction; days up to one, then hours."""
    for unit, length in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if seconds % length == 0 and (unit != "d" or seconds == DAY):
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def amount(size: int) -> str:
    """Bytes in an expression."""
    return f"{size}" if size % MIB else f"{size // MIB} * 2 ^ 20"


_CLUSTER, _INSTANCE, _NS = ("cluster", "cluster_name"), ("instance", "instance"), ("ns", "ns")
_VARIABLES = {
    "overview": (_CLUSTER, _NS),
    "node": (_CLUSTER, _INSTANCE),
    "namespace": (_CLUSTER, _INSTANCE, _NS),
    "exporter": (_CLUSTER, _INSTANCE),
}
"""By dashboard the variables that an alert fills in, with their labels."""
