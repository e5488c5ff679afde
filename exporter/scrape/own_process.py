"""What the exporter's own process takes: `process_*` and `python_info`, as prometheus_client has them."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import PLATFORM_COLLECTOR, PROCESS_COLLECTOR

from exporter.collectors.metric import Family, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.core import Metric as LibraryFamily


def families() -> Iterator[Family]:
    """The families of the process and of Python, each with one series; without /proc only the latter."""
    for family in (*_of_process(), *PLATFORM_COLLECTOR.collect()):
        (sample,) = family.samples
        metric = _metric(sample.name, family.documentation, tuple(sample.labels))
        yield Family(metric, [(tuple(sample.labels.values()), sample.value)])


def _of_process() -> Iterable[LibraryFamily]:
    # To the library a limit of open files that is `unlimited` is no number.
    with contextlib.suppress(ValueError):
        return PROCESS_COLLECTOR.collect()
    return ()


@cache
def _metric(name: str, text: str, labels: tuple[str, ...]) -> Metric:
    """The same for each scrape: the text of a series is kept by its metric."""
    return Metric(name, text, labels, prefix="")
