"""A history of the embedded shop for a Prometheus: what it would have scraped, made without waiting for it.

The node answers over TCP, and all that a scrape goes through is the exporter's own, so that the series are those of
`/metrics`. Only the clock is not: the shop is moved on from scrape to scrape.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from array import array
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.core import Metric as OpenMetricsFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.utils import floatToGoString

from exporter.collectors.metric import Family, Metric
from exporter.demo.answers import Words
from exporter.demo.process import PID, ProcTree
from exporter.demo.shop import Shop
from exporter.demo.wire import InfoServer
from exporter.errors import SettingsError, SourceError
from exporter.render.progress import Progress
from exporter.scrape.node import MonitoredNode
from exporter.settings.schema import ProcessSettings, SamplerSettings
from exporter.sources.connection import Connection
from exporter.units import DAY, duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from exporter.scrape.registry import Families
    from exporter.settings.schema import Settings

FLAG = "--history"

LABELS = {"instance": "127.0.0.1:9845", "job": "aerospike-memory"}
"""What Prometheus adds to the series of a target."""

UP = Metric("up", "1 when the target could be scraped.", prefix="")
"""Prometheus' own, without our prefix."""

END = "# EOF\n"

SAMPLER_SECONDS = 1800.0
"""Between two readings of the slow sources: with a reading for each scrape they would be half of the work."""

LEAST_STEP, LONGEST = 10.0, 60 * DAY
"""The shop lives in steps of ten seconds; in two months it has long been full."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a history."""
    text = "write what Prometheus would have scraped in so much time up to now, as in 168h, and end"
    parser.add_argument(FLAG, metavar="SPAN", help=text)
    parser.add_argument("--step", default="5m", metavar="SPAN", help="the time between two scrapes of it [5m]")
    text = "where to write it: OpenMetrics, for promtool tsdb create-blocks-from openmetrics FILE DIR"
    parser.add_argument("--output", type=Path, metavar="FILE", help=text)


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Write a history of the shop to a file."""
    settings = load()
    length, step = _seconds(FLAG, own.history), _seconds("--step", own.step)
    if not LEAST_STEP <= step <= length <= LONGEST:
        raise SettingsError(f"flags: {FLAG} is at most 60d, and --step is between 10s and that")
    if own.output is None:
        raise SettingsError(f"flags: {FLAG} needs --output FILE")
    _write(own.output, history(settings, length, step, time.time()))
    sys.stdout.write(f"{own.output} holds a simulated shop. promtool makes blocks of it for a Prometheus:\n")
    sys.stdout.write(f"  promtool tsdb create-blocks-from openmetrics {own.output} DIRECTORY\n")
    return 0


def _write(output: Path, texts: Iterable[str]) -> None:
    """Write a file as a whole or not at all; what is no file, as a pipe, is written to as it is."""
    part = output if output.exists() and not output.is_file() else output.with_name(f"{output.name}.part")
    # What is found wrong in the simulation belongs in its history, not into a log of today.
    logging.disable(logging.ERROR)
    try:
        with part.open("w", encoding="utf-8") as file:
            file.writelines(texts)
        if part != output:
            part.replace(output)
    except OSError as problem:
        raise SourceError(f"cannot write {output}: {problem.strerror}") from None
    finally:
        logging.disable(logging.NOTSET)
        if part != output:
            part.unlink(missing_ok=True)


def history(settings: Settings, length: float, step: float, until: float) -> Iterator[str]:
    """The text of a history of `length` seconds up to the Unix time `until`, one family at a time."""
    scrapes, count = _Scrapes(), int(length // step)
    shop = Shop(settings.demo.seed, settings.demo.release)
    with _directory() as directory:
        tree = ProcTree(shop, Path(directory))
        words = Words(shop, settings.demo.release, lambda: server.address)
        with InfoServer(words.answer) as server, Progress("simulating the shop", count + 1) as progress:
            tree.write()
            # As the demonstration has them: its process is simulated, too, and reading it costs nothing.
            process = ProcessSettings(pid=PID, procfs=tree.procfs, cgroupfs=tree.cgroupfs)
            sampler = SamplerSettings(smaps=True, jemalloc=True, jemalloc_directory=tree.procfs)
            monitored = settings.model_copy(update={"process": process, "sampler": sampler})
            now, sampled = until - length, float("-inf")
            node = MonitoredNode(monitored, Connection(*server.address, timeout=10.0), lambda: now)
            try:
                for index in range(count + 1):
                    lived = index * step
                    now = until - length + lived
                    while not shop.advance(lived):
                        pass
                    samples = lived >= sampled + SAMPLER_SECONDS
                    tree.write(areas=samples)
                    if samples:
                        node.sample()
                        sampled = lived
                    scrapes.add(node.registry.scrape(10.0), now)
                    progress.step()
            finally:
                node.close()
    yield from scrapes.text()


class _Scrapes:
    """The values of all scrapes, by the labels of a series: a value takes 16 bytes here and ten times that as text."""

    def __init__(self) -> None:
        self._times = array("d")
        self._series: dict[Metric, dict[tuple[str, ...], tuple[array[int], array[float]]]] = {}

    def add(self, families: Families, now: float) -> None:
        """One scrape, which also sets Prometheus' own `up`."""
        scrape = len(self._times)
        for family in (*families, Family(UP, [((), 1.0)])):
            series = self._series.setdefault(family.metric, {})
            for labels, value in family.values:
                kept = series.get(labels)
                if kept is None:
                    kept = series[labels] = array("L"), array("d")
                kept[0].append(scrape)
                kept[1].append(value)
        self._times.append(now)

    def text(self) -> Iterator[str]:
        """The values in OpenMetrics, family by family, each with its time."""
        times = [f"{now:.3f}\n" for now in self._times]
        for metric, series in self._series.items():
            family = OpenMetricsFamily(metric.full_name.removesuffix("_total"), metric.help, metric.type, metric.unit)
            head = _text(family)
            yield head
            # The buckets of a distribution stand together, time by time; other series one after the other.
            groups: dict[tuple[str, ...], list[tuple[int, float, str]]] = {}
            for labels, (scrapes, values) in series.items():
                (sample,) = Family(metric, [(labels, 0.0)]).samples
                family.samples = [sample._replace(labels={**sample.labels, **LABELS})]
                # What has to be quoted is the library's business: it writes the line, and its value is replaced.
                start = _text(family).removeprefix(head).removesuffix("0.0\n")
                group = labels[:-1] if metric.distribution else labels
                bound = float(sample.labels["le"]) if metric.distribution else 0.0
                groups.setdefault(group, []).extend(
                    (scrape, bound, f"{start}{_number(value)} {times[scrape]}")
                    for scrape, value in zip(scrapes, values, strict=True)
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


def _directory() -> tempfile.TemporaryDirectory[str]:
    """Where the files of the simulated process are."""
    try:
        return tempfile.TemporaryDirectory(prefix="embedded-node-")
    except OSError as problem:
        raise SourceError(no_directory(problem)) from None


def no_directory(problem: OSError) -> str:
    """What the simulation needs of the disk, and does not find."""
    # The library lists where it has looked.
    reason = (problem.strerror or "").partition(" in [")[0]
    return (
        f"the demo keeps the files of its simulated process in a temporary directory: {reason};"
        " name one that can be written to by TMPDIR, or give the container a /tmp, as in --tmpfs /tmp"
    )


def _seconds(flag: str, text: str) -> float:
    seconds = duration(text)
    if seconds is None:
        raise SettingsError(f"flags: {flag}: give a span of time, as in 168h or 5m")
    return seconds
