"""Writes docs/metrics.md from the declarations: `make docs`."""

from __future__ import annotations

import sys

from exporter.collectors import COLLECTORS, exporter, fleet
from exporter.collectors.metric import Metric

HEAD = """# Metrics

Generated from the declarations in `exporter/collectors/` (`make docs`). The names and their meaning are the same on
every server release from 6.0 on; a figure that the server does not tell is absent, never 0. Bytes, seconds, and ratios
from 0 to 1 throughout. All are gauges but those that end in `_total`.

`ns` is the namespace, `unit` a stripe, device or file by its configured name, `pool` one of `data`, `primary_index`,
`secondary_index`, `set_index` and (up to 6.4 with data in memory and on a device) `persistence`.
[limits.md](limits.md) explains the limits and their actions, [absent.md](absent.md) what is not known and why.

Of its own process the exporter has on `/metrics`, and not on `/probe`, what other exporters in Python have, too:
`process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_virtual_memory_bytes`,
`process_start_time_seconds`, `process_open_fds`, `process_max_fds` and `python_info`.
"""


def page() -> str:
    """The page."""
    parts = [HEAD, _section("exporter", exporter.__doc__ or "", exporter.METRICS)]
    parts.append(_section("fleet", fleet.__doc__ or "", fleet.METRICS))
    for collector in COLLECTORS:
        module = sys.modules[collector.collect.__module__]
        parts.append(_section(collector.name, module.__doc__ or "", collector.metrics))
    return "\n".join(parts)


def _section(name: str, text: str, metrics: tuple[Metric, ...]) -> str:
    rows = [
        f"\n## {name}\n\n{text.strip()}\n",
        "| metric | labels | meaning | from | formula |",
        "|---|---|---|---|---|",
    ]
    for metric in metrics:
        labels = " ".join(f"`{label}`" for label in metric.labels)
        cells = (f"`{metric.full_name}`", labels, metric.help, metric.source, metric.formula)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
