"""Declarations: a metric is declared once, and everything else (help, docs, tests, exposition) is read from that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

PREFIX = "aerospike_memory_"

LAST_BOUND = "+Inf"
"""The upper bound of the last bucket of a distribution."""


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric, equal only to itself.

    `source` are the server's stats and `formula` what is made of them, for the documentation. A `distribution` is a
    gauge histogram: its series are buckets, whose labels end with their upper bound.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    source: str = ""
    formula: str = ""
    distribution: bool = False
    prefix: str = PREFIX

    @property
    def full_name(self) -> str:
        """The name as exposed."""
        return self.prefix + self.name

    @property
    def type(self) -> str:
        """`gaugehistogram`, or `counter` or `gauge` by the suffix that the conventions demand."""
        if self.distribution:
            return "gaugehistogram"
        return "counter" if self.name.endswith("_total") else "gauge"

    @property
    def unit(self) -> str:
        """The unit that OpenMetrics states, or nothing."""
        suffix = self.name.rsplit("_", 1)[-1]
        return suffix if suffix in ("bytes", "seconds", "ratio") else ""


Series = tuple[Metric, tuple[str, ...], float | None]
"""A value of a metric with the values of its labels, in their order; None is unknown, and then not exposed."""


@dataclass(frozen=True, slots=True)
class Collector:
    """A translator of a part of an analysis; `sections` are the info commands that it depends on."""

    name: str
    metrics: tuple[Metric, ...]
    sections: tuple[str, ...]
    collect: Callable[[Diagnosis, View], Iterator[Series]]


@dataclass(slots=True)
class Family:
    """A metric with its values: to prometheus_client a metric family, with the samples made only when asked for."""

    metric: Metric
    values: list[tuple[tuple[str, ...], float]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The family's name, which for a counter lacks `_total`."""
        return self.metric.full_name.removesuffix("_total")

    @property
    def documentation(self) -> str:
        """The help."""
        return self.metric.help

    @property
    def type(self) -> str:
        """The type."""
        return self.metric.type

    @property
    def unit(self) -> str:
        """The unit."""
        return self.metric.unit

    @property
    def samples(self) -> list[Sample]:
        """The values as prometheus_client has them."""
        name, labels = self.metric.full_name, self.metric.labels
        if self.metric.distribution:
            return list(self._buckets())
        return [Sample(name, dict(zip(labels, values, strict=True)), value) for values, value in self.values]

    def _buckets(self) -> Iterator[Sample]:
        """Buckets alone: OpenMetrics has the count and the sum both or neither, and no server tells the sum."""
        name = f"{self.metric.full_name}_bucket"
        for (*values, bound), value in self.values:
            labels = dict(zip(self.metric.labels, values, strict=True))
            yield Sample(name, {**labels, "le": bound}, value)
