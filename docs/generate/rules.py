"""Writes what `aerospike-memory-exporter rules` gives by default, and the page of alerts: `make rules`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from exporter.rules.formats import FORMATS, alerts
from exporter.rules.rule import Alert, duration
from exporter.rules.site import Site
from exporter.settings.keys import keys
from exporter.settings.site import ThresholdSettings
from exporter.units import size

if TYPE_CHECKING:
    from exporter.settings.keys import Key

FOLDERS = {
    "prometheus": "deploy/prometheus",
    "operator": "deploy/kubernetes/rules",
    "alertmanager": "deploy/alertmanager",
}

_HEAD = """# Alerts

Generated from `exporter/rules/` (`make rules`). `critical` wakes somebody: writes fail, a node is about to be lost, or
nobody would see it. `warning` is a ticket. Each name leads to what to do.

| alert | severity | fires when | for | why so |
|---|---|---|---|---|
"""

_USE = """
## Use them

Have the exporter write them beside your `prometheus.yml`, and scrape the exporters under the job that the rules look
for (two whole examples are in `deploy/prometheus`):

```
aerospike-memory-exporter rules --output /etc/prometheus
```

```yaml
rule_files:
  - aerospike-memory.rules.yml
  - aerospike-memory.alerts.yml
```

`--format operator` prints the same rules for the Prometheus Operator, and `--format alertmanager` writes routes,
inhibition, receivers and what their messages say. Prometheus 2.42 or later is needed (`keep_firing_for`). What is in
`deploy/prometheus`, `deploy/kubernetes/rules` and `deploy/alertmanager` is the output with no setting at all.

## Change them

What differs between installations is said to the command, by its flags or in the file that the exporter reads as well:

```toml
[docs]
url = "https://git.example.org/aerospike-memory-exporter/blob/main/docs"   # each alert links to its runbook there

[rules]
job = "aerospike"                                # if you scrape under another job_name
dashboards_url = "https://grafana.example.org"      # each alert links to its dashboard
target_labels = ["vm"]                           # what else differs from node to node
cache_namespaces = ["sessions"]                  # evict by design

[rules.thresholds]
areas_left = 20000
time_to_limit_hours = 7200
```

* Without an address there is no link: `runbook` then names the page in this repository.
* A sum over a cluster leaves out the labels of targets that differ from node to node: `instance`, `pod`, `node`,
  `container` and `host`. One that is not listed (a zone) divides the cluster, and nodes are compared within their part.
* `cache = true` in `[operator.NS]` of an exporter says the same as `cache_namespaces`, for its node: the metric
  `namespace_cache` tells the alerts, and no rule is to be written anew.
* With other thresholds an alert differs from the finding and the panel of the same thing, which keep theirs.

## Thresholds

`exporter/findings/thresholds.py` has the reason of each; findings, dashboards, the report and reclaim read the same.

| key | default | meaning |
|---|---|---|
"""

_BASIS = """
## Clusters, nodes and replicas

* **Name of the cluster.** It is on one series alone, `node_info`; the rules join it to the others by `job` and
  `instance`. Two clusters in one Prometheus are told apart by their `cluster-name`, which each should have set.
* **A node that goes away** takes its series along: its alerts end, after `keep_firing_for`, and
  `AerospikeMemoryNodeDown` or `AerospikeMemoryExporterDown` takes over. The others of the cluster are compared with
  those that are left.
* **Two Prometheus servers** with the same rules send the same alerts, which Alertmanager takes for one; give them only
  external labels that are the same, or drop the others in `alert_relabel_configs`.
* **Two exporters for one node** make it count twice in sums over the cluster.

## When an alert cannot fire

* **Absent figures** ([absent.md](absent.md)): what rests on them cannot fire. `sys_memory` has no time to its limit
  before 8.2 on another host; on another host nothing is known of the process, its container and the kernel's limits.
* **Too little history.** The forecasts need half of their window, `AerospikeMemoryWritesStopWithinDays` the whole day,
  those of growth over a week the whole week.
* **Migrations.** While a node has partitions to send or to receive (`migrate_partitions_remaining`), and until a window
  without any has been seen, nothing is forecast of it, and no leak is told: a node that starts empty and is filled by
  its peers looks like one that overflows. What is reached is told all the same: by `AerospikeMemoryWritesStopped`,
  `AerospikeMemoryWritesRefused`, and by `AerospikeMemoryContainerLimitNear` for what is left.
* **A sudden load** that fills a namespace within a quarter of an hour is over before the slopes of 30
  minutes and of two hours have seen enough of it: then `AerospikeMemoryWritesStopped` or
  `AerospikeMemoryWritesRefused` is the first to tell.

Where only the headroom to a limit is known, as that of the write blocks of raw devices, it is enough for a forecast.
"""


def page() -> str:
    """The page of alerts."""
    rows = [_alert(rule) for group in alerts(Site()) for rule in group.rules if isinstance(rule, Alert)]
    return "".join([_HEAD, *rows, _USE, *map(_threshold, keys(ThresholdSettings)), _BASIS])


def _alert(alert: Alert) -> str:
    name = f"[{alert.name}](runbooks/{alert.name}.md)"
    return f"| {name} | {alert.severity} | {alert.when} | {duration(alert.hold)} | {alert.why} |\n"


def _threshold(key: Key) -> str:
    default = getattr(Site().thresholds, key.name)
    text = size(default) if "bytes" in (key.field.description or "") else f"{default:g}"
    return f"| `{key.name}` | {text} | {key.field.description} |\n"


FILES = {
    **{f"{FOLDERS[name]}/{file}": text for name, files in FORMATS.items() for file, text in files(Site()).items()},
    "docs/alerts.md": page(),
}
"""What is generated, by its path in the repository."""

if __name__ == "__main__":
    root = Path(__file__).parents[2]
    for name, text in FILES.items():
        (root / name).write_text(text, encoding="utf-8")
