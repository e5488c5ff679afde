"""The values of many scrapes, kept small, and their text for a Prometheus: OpenMetrics with the time of each value."""

from __future__ import annotations

from array import array
from operator import itemgetter
from typing import TYPE_CHECKING

from prometheus_client.core import Metric as OpenMetricsFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.utils import floatToGoString

from exporter.collectors.metric import Family, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.scrape.registry import Families

UP = Metric("up", "1 when the target could be scraped.", prefix="")
"""Prometheus' own, without our prefix."""

END = "# EOF\n"


LABELS = {"instance": "127.0.0.1:9845", "job": "aerospike-memory"}
"""What Prometheus adds to the series of a target."""


class _Values:
    """The values of a series, and the numbers of the scrapes that they are of."""

    __slots__ = ("scrapes", "values")

    def __init__(self) -> None:
        self.scrapes = array("L")
        self.values = array("d")


class Scrapes:
    """The values of all scrapes, by the labels of a series: a value takes 16 bytes here and ten times that as text."""

    def __init__(self) -> None:
        self._times = array("d")
        # By name: a metric is equal only to itself, and these may come from another process.
        self._families: dict[str, tuple[Metric, dict[tuple[str, ...], _Values]]] = {}

    def add(self, families: Families, now: float) -> None:
        """One scrape, which also sets Prometheus' own `up`."""
        scrape = len(self._times)
        for family in (*families, Family(UP, [((), 1.0)])):
            _, series = self._families.setdefault(family.metric.full_name, (family.metric, {}))
            for labels, value in family.values:
                kept = series.get(labels)
                if kept is None:
                    kept = series[labels] = _Values()
                kept.scrapes.append(scrape)
                kept.values.append(value)
        self._times.append(now)

    def extend(self, later: Scrapes) -> None:
        """The scrapes that follow."""
        count = len(self._times)
        for name, (metric, others) in later._families.items():
            _, series = self._families.setdefault(name, (metric, {}))
            for labels, other in others.items():
                kept = series.setdefault(labels, _Values())
                kept.scrapes.extend(array("L", [count + scrape for scrape in other.scrapes]))
                kept.values.extend(other.values)
        self._times.extend(later._times)

    def text(self) -> Iterator[str]:
        """The values in OpenMetrics, family by family, each with its time."""
        times = [f"{now:.3f}\n" for now in self._times]
        for metric, series in self._families.values():
            family = OpenMetricsFamily(metric.full_name.removesuffix("_total"), metric.help, metric.type, metric.unit)
            head = _text(family)
            yield head
            # The buckets of a distribution stand together, time by time; other series one after the other.
            groups: dict[tuple[str, ...], list[tuple[int, float, str]]] = {}
            for labels, kept in series.items():
                (sample,) = Family(metric, [(labels, 0.0)]).samples
                family.samples = [sample._replace(labels={**sample.labels, **LABELS})]
                # What has to be quoted is the library's business: it writes the line, and its value is replaced.
                start = _text(family).removeprefix(head).removesuffix("0.0\n")
                group = labels[:-1] if metric.distribution else labels
                bound = float(sample.labels["le"]) if metric.distribution else 0.0
                groups.setdefault(group, []).extend(
                    (scrape, bound, f"{start}{_number(value)} {times[scrape]}")
                    for scrape, value in zip(kept.scrapes, kept.values, strict=True)
                )
            for lines in groups.values():
                lines.sort(key=itemgetter(0, 1))
                yield "".join(line for _, _, line in lines)
        yield END


class _Registry:
    """A family in the shape of a registry."""

    def __init__(self, family: OpenMetricsFamily) -> None:
        self._family = family

    def collect(self) -> Iterator[OpenMetricsFamily]:
        """The family."""
        yield self._family


def _text(family: OpenMetricsFamily) -> str:
    text: bytes = generate_latest(_Registry(family))  # type: ignore[no-untyped-call] # the library has no types here
    return text.decode().removesuffix(END)


def _number(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call] # the library's helper has no types
