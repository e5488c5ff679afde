"""Writes what the Helm chart has of others: rules, dashboards, and the page of its values: `make rules dashboards`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from exporter.rules.formats import as_one
from exporter.rules.site import PER_TARGET_LABELS, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "aerospike-memory-exporter"

_OPEN = Site(
    job="<job>",
    per_target_labels=(*PER_TARGET_LABELS, "<labels>"),
    cache_namespaces=("<cache>",),
    docs_url="<docs>",
    dashboards_url="<dashboards>",
)
"""An installation of which the chart's values say all but the thresholds: `templates/_helpers.tpl` puts them in."""

_KEY = re.compile(r"^( *)(\w+):")

_HEAD = """# Helm chart

Generated from `values.yaml` (`make rules`). Exporters that read the nodes of Aerospike over the network, two of them,
either of which can answer for all nodes; with them the job for Prometheus, the rules and the dashboards.
[deploy.md](../../../docs/deploy.md#helm) says when to take it, and what has been run.

```
helm install --namespace aerospike --create-namespace --values my.yaml memory deploy/helm/aerospike-memory-exporter
```

```yaml
# my.yaml
image:
  repository: registry.example.com/aerospike-memory-exporter
seeds: ["aerospike.aerospike.svc.cluster.local:3000"]
targets: ["10.0.0.0/8:3000"]       # the addresses of the pods
scrape:
  by: operator
  labels: {release: kube-prometheus-stack}
```

With security enabled in the server, a user without any role, and its password in a Secret:

```
kubectl -n aerospike create secret generic aerospike-exporter-login --from-file=password
```

```yaml
loginSecret: aerospike-exporter-login
config: |
  [probe.modules.default]
  user = "exporter"
  password_file = "/etc/exporter/login/password"
```

A changed password is read when the exporter next logs in; a change of `config` starts new pods.

The rules are the output of `aerospike-memory-exporter rules` with the values of `rules`. Thresholds are not among them,
because they are in what the alerts say, too. For others have the command write the file, for the same job:

```
aerospike-memory-exporter rules --rules.thresholds.areas-left 20000 > rules.yml
helm upgrade --namespace aerospike --values my.yaml --set-file rules.file=rules.yml \\
    memory deploy/helm/aerospike-memory-exporter
```

The endpoint has neither TLS nor passwords here: the network policy says who reaches it.

## Values

A key that is not here is an error.

| key | default | meaning |
|---|---|---|
"""


def files() -> dict[Path, str]:
    """What is generated, by its path."""
    boards = sorted((ROOT / "dashboards").glob("*.json"))
    return {
        CHART / "README.md": _HEAD + "".join(_rows((CHART / "values.yaml").read_text(encoding="utf-8"))),
        CHART / "files" / "rules.yml": as_one("prometheus", _OPEN) or "",
        **{CHART / "files" / "dashboards" / path.name: _compact(path) for path in boards},
    }


def _compact(path: Path) -> str:
    """JSON without its spaces: Helm keeps a chart in a Secret, of 1 MiB at most."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n"


def _rows(text: str) -> Iterator[str]:
    """A row for each key of the values that has a comment above it."""
    values, path, comment = yaml.safe_load(text), list[str](), list[str]()
    for line in text.splitlines():
        found = _KEY.match(line)
        if line.lstrip().startswith("#"):
            comment.append(line.strip("# "))
        elif found and comment:
            path = [*path[: len(found[1]) // 2], found[2]]
            yield f"| `{'.'.join(path)}` | {_default(values, path)} | {' '.join(comment)} |\n"
            comment = []
        elif found:
            path = [*path[: len(found[1]) // 2], found[2]]


def _default(values: Any, path: list[str]) -> str:
    for key in path:
        values = values[key]
    if values in ("", [], {}):
        return ""
    return f"`{json.dumps(values).strip(chr(34))}`"


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
